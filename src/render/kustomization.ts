import { GitwakeError } from '../model/error.ts'
import { isJsonObject, type Json, type JsonObject } from '../model/json.ts'
import { decodeText, lineAt, readDocuments } from './documents.ts'
import type { RenderLimits } from './limits.ts'
import { displayProblem } from './problem.ts'

/** The file names that kustomize looks for. */
export const KUSTOMIZATION_NAMES = ['kustomization.yaml', 'kustomization.yml', 'Kustomization']

/** True for those. */
export function isKustomization(name: string): boolean {
  return KUSTOMIZATION_NAMES.includes(name)
}

/**
 * A text in a kustomization that may name a file or directory.
 * - path: it stands where only a path can stand, so it must exist;
 * - load: kustomize would read it as a path if it is one, and fetch it if it is a URL;
 * - text: anything else; what happens to be a path counts as read.
 */
export interface Reference {
  readonly text: string
  /** The field that it stands under: `resources`, `configMapGenerator`. */
  readonly field: string
  readonly use: 'path' | 'load' | 'text'
}

/** Fields whose files configure generators and transformers, which read further files. */
export const PLUGIN_FIELDS: ReadonlySet<string> = new Set(['generators', 'transformers', 'validators'])
const LIST_FIELDS = new Set(['resources', 'bases', 'components', 'crds', 'configurations', 'patchesStrategicMerge', ...PLUGIN_FIELDS])
const MAP_FIELDS = new Set(['patches', 'patchesJson6902', 'replacements', 'openapi', 'configMapGenerator', 'secretGenerator'])
/** Keys inside of those maps, and of plugin files, whose values are paths. */
const PATH_KEYS = new Set(['path', 'paths', 'files', 'envs', 'env'])
/** Keys under which `path` means a field of an object. */
const NOT_FILES = new Set(['source', 'targets', 'target', 'fieldSpecs', 'fields', 'options'])

/** Reads a kustomization file. Throws GitwakeError `kustomization-invalid`. */
export function readKustomization(file: string, content: Uint8Array, limits: RenderLimits): JsonObject {
  const invalid = (message: string, fix: string, line?: number): GitwakeError => {
    const origin = { file, document: 1 }
    const shown = displayProblem({
      code: '',
      message,
      fix,
      origin,
      ...(line !== undefined && { line }),
    })
    return new GitwakeError('kustomization-invalid', shown, { fix, origin })
  }
  const documents = [...readDocuments(file, textOf(content, invalid), limits)]
  const [first] = documents
  if (documents.length > 1) throw invalid('a kustomization is one document', 'Keep one document in the file.')
  if (first === undefined) return {}
  if (first.error !== undefined) throw invalid(first.error.message, first.error.fix, lineAt(first.part, first.error.position))
  if (!isJsonObject(first.value)) throw invalid('a kustomization is a map', 'Write fields such as resources.')
  if (first.value.helmCharts !== undefined || first.value.helmChartInflationGenerator !== undefined) {
    throw invalid(
      'helmCharts is not supported: rendering runs no other programs',
      'Render the chart into manifests (helm template) and list those.',
    )
  }
  return first.value
}

function textOf(content: Uint8Array, invalid: (message: string, fix: string) => GitwakeError): string {
  try {
    return decodeText(content)
  } catch {
    throw invalid('the file is not UTF-8 text', 'Save it as UTF-8.')
  }
}

/** Every text in a kustomization that may name a file. Inline plugin files come as texts with more than one line. */
export function* referencesOf(kustomization: JsonObject): Generator<Reference> {
  for (const [field, value] of Object.entries(kustomization)) {
    if (value === undefined) continue
    yield* walk(value, field, LIST_FIELDS.has(field) ? 'path' : 'text', MAP_FIELDS.has(field) ? 'path' : 'text')
  }
}

/** The same for a file (or inline text) that configures a generator or transformer. */
export function pluginReferences(document: Json, field: string): Generator<Reference> {
  return walk(document, field, 'text', 'load')
}

/** `use` is that of a text found here, `keyUse` that of the values of PATH_KEYS below. */
function* walk(value: Json, field: string, use: Reference['use'], keyUse: Reference['use']): Generator<Reference> {
  if (typeof value === 'string') {
    if (value !== '') yield { text: value, field, use }
  } else if (Array.isArray(value)) {
    for (const item of value) yield* walk(item, field, use, keyUse)
  } else if (isJsonObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      if (item !== undefined && !NOT_FILES.has(key)) yield* walk(item, field, PATH_KEYS.has(key) ? keyUse : 'text', keyUse)
    }
  }
}
