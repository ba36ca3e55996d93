import { sha256 } from '../model/digest.ts'
import { canonicalJson } from '../model/json.ts'
import type { Rendering } from '../model/tree.ts'
import type { ManifestReader } from './manifests.ts'
import { manifestError } from './problem.ts'

export interface MeasuredRendering {
  readonly rendering: Rendering
  /** Roughly what it takes in memory. */
  readonly bytes: number
}

/** The outcome of reading manifests. Throws one GitwakeError that names every problem, if there is any. */
export function renderingOf(reader: ManifestReader, warnings: readonly string[]): MeasuredRendering {
  const error = manifestError(reader.problems)
  if (error !== undefined) throw error
  const text = canonicalJson(reader.objects.map(({ manifest }) => manifest))
  const rendering = {
    objects: reader.objects,
    digest: sha256(text),
    warnings: [...warnings, ...reader.warnings],
  }
  // Objects take a few times the room of their text.
  return { rendering, bytes: 10_000 + text.length * 4 }
}
