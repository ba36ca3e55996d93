import { isJsonObject, stringifyJson, type Json, type JsonObject } from '../model/json.ts'
import { displayName, displayOrigin, objectIdOf, objectKey } from '../model/object.ts'
import type { Manifest, ObjectKey, Origin, RenderedObject } from '../model/object.ts'
import { checkManifest, typeName, type Checked, type Complaint } from './check.ts'
import { decodeText, lineAt, readDocuments, type ReadDocument } from './documents.ts'
import type { RenderLimits } from './limits.ts'
import { locate, type FieldPath } from './locate.ts'
import { normalise } from './normalise.ts'
import type { ManifestProblem } from './problem.ts'
import { ReadError } from './read-error.ts'

/** Gathers the objects of one render, file by file, with everything that is wrong with them. */
export interface ManifestReader {
  /** Reads one file, giving way after each document so that a huge file need not block the event loop. */
  read(file: string, content: Uint8Array): Generator<void, void, void>
  readonly objects: readonly RenderedObject[]
  readonly problems: readonly ManifestProblem[]
  readonly warnings: readonly string[]
}

/** A place in a document that holds an object: the document itself, or an item of a List. */
interface Place {
  readonly document: ReadDocument
  readonly origin: Origin
  readonly path: FieldPath
}

export function createManifestReader(limits: RenderLimits): ManifestReader {
  const objects: RenderedObject[] = []
  const problems: ManifestProblem[] = []
  const warnings: string[] = []
  const seen = new Map<ObjectKey, Origin>()

  function* read(file: string, content: Uint8Array): Generator<void, void, void> {
    try {
      for (const document of readDocuments(file, decodeText(content), limits)) {
        const origin = { file, document: document.number }
        if (document.error !== undefined) problems.push(readProblem(document.error, origin, document))
        else readObject(document.value, { document, origin, path: [] })
        yield
      }
    } catch (error) {
      if (!(error instanceof ReadError)) throw error
      problems.push(readProblem(error, { file, document: 1 }, undefined))
    }
  }

  function readObject(value: Json, place: Place): void {
    if (!isJsonObject(value)) {
      const what = place.path.length === 0 ? 'the document' : 'the item'
      const fix = 'Write an object with apiVersion, kind and metadata, or list the file in .gitwakeignore.'
      complain(
        {
          code: 'not-a-manifest',
          message: `${what} is ${typeName(value)}, not a Kubernetes object`,
          fix,
          path: place.path,
        },
        place,
      )
      return
    }
    const items = listItems(value)
    if (items === undefined) return readManifest(value, place)
    for (const [index, item] of items.entries()) readObject(item, { ...place, path: [...place.path, 'items', index] })
  }

  function readManifest(value: JsonObject, place: Place): void {
    const checked = settle(checkManifest(value, place.path), place)
    const manifest = checked && settle(normalise(checked, place.path), place)
    if (manifest !== undefined) keep(manifest, place)
  }

  /** Passes on what is right, with its warnings, and writes down the rest. */
  function settle(checked: Checked, place: Place): Manifest | undefined {
    if ('complaints' in checked) {
      for (const complaint of checked.complaints) complain(complaint, place)
      return undefined
    }
    const { manifest } = checked
    for (const warning of checked.warnings)
      warnings.push(`${displayOrigin(place.origin)}: ${displayName(objectIdOf(manifest))}: ${warning}`)
    return manifest
  }

  function keep(manifest: Manifest, place: Place): void {
    const object = objectIdOf(manifest)
    const key = objectKey(object)
    const first = seen.get(key)
    const about = { path: place.path, object }
    if (first !== undefined) {
      const message = `the same object stands in ${displayOrigin(first)} already`
      complain({ ...about, code: 'duplicate-object', message, fix: 'Keep one of the two.' }, place)
    } else if (isTooLarge(manifest, place.document.part.text, limits.objectBytes)) {
      const message = `is larger than the ${limits.objectBytes / 1024} KiB that a cluster stores`
      complain(
        {
          ...about,
          code: 'object-too-large',
          message,
          fix: 'Split the object, or keep large content outside of the cluster.',
        },
        place,
      )
    } else if (objects.length === limits.objects) {
      if (problems.some(({ code }) => code === 'too-many-objects')) return
      const message = `there are more than ${limits.objects} objects`
      complain(
        {
          ...about,
          code: 'too-many-objects',
          message,
          fix: 'Split the path into several applications.',
        },
        place,
      )
    } else {
      seen.set(key, place.origin)
      objects.push({ manifest, origin: place.origin })
    }
  }

  function complain({ path, ...complaint }: Complaint, { document, origin }: Place): void {
    // Each place costs a second reading of its document: enough for a person, not for a thousand mistakes.
    const line = problems.length < 50 ? lineOf(document, path, limits) : undefined
    problems.push({ ...complaint, origin, ...(line !== undefined && { line }) })
  }

  return { read, objects, problems, warnings }
}

function readProblem(error: ReadError, origin: Origin, document: ReadDocument | undefined): ManifestProblem {
  const line = document && lineAt(document.part, error.position)
  return {
    code: 'manifest-unreadable',
    message: error.message,
    fix: error.fix,
    origin,
    ...(line !== undefined && { line }),
  }
}

function lineOf({ part, index }: ReadDocument, path: FieldPath, limits: RenderLimits): number | undefined {
  try {
    return lineAt(part, locate(part.text, index, path, limits))
  } catch {
    // JSON that is not quite YAML: the message goes without a line.
    return undefined
  }
}

/** The items of a List, as kubectl takes it apart: `ConfigMapList` lends its kind to items without one. Undefined for any other object. */
function listItems(value: JsonObject): readonly Json[] | undefined {
  const { kind, apiVersion, items } = value
  if (typeof kind !== 'string' || !kind.endsWith('List')) return undefined
  if (kind === 'List') return Array.isArray(items) ? items : items === undefined || items === null ? [] : undefined
  if (!Array.isArray(items)) return undefined
  const lent = { apiVersion: apiVersion ?? null, kind: kind.slice(0, -'List'.length) }
  return items.map((item: Json) =>
    isJsonObject(item) && item.kind === undefined && item.apiVersion === undefined ? { ...lent, ...item } : item,
  )
}

/** Written as JSON, a text grows at most sixfold where it has no aliases: small documents need no measuring. */
function isTooLarge(manifest: Manifest, text: string, limit: number): boolean {
  if (text.length * 6 < limit && !text.includes('*')) return false
  return Buffer.byteLength(stringifyJson(manifest)) > limit
}
