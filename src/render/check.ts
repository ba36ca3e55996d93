import { isJsonObject, type Json, type JsonObject } from '../model/json.ts'
import { groupOf, type Manifest, type ObjectId } from '../model/object.ts'
import { displayPath, type FieldPath } from './locate.ts'

/** A complaint about one field of one document, before its place is known. */
export interface Complaint {
  readonly code: string
  readonly message: string
  readonly fix: string
  readonly path: FieldPath
  readonly object?: ObjectId
}

export type Checked = { readonly manifest: Manifest; readonly warnings: readonly string[] } | { readonly complaints: readonly Complaint[] }

const GROUP = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const VERSION = /^[a-z]([-a-z0-9]*[a-z0-9])?$/
const KIND = /^[A-Za-z]([-A-Za-z0-9]*[A-Za-z0-9])?$/
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
/** What would change the meaning of a URL path, and what nobody can see. RBAC names may carry colons and capitals. */
// oxlint-disable-next-line no-control-regex
const NAME_REFUSED = /[/%?#\\\u0000-\u001f\u007f]|\.\.|^\.$/

/** What runs around a sync may be made anew each time, so it needs no name of its own. */
const HOOKS = ['gitwake.dev/hook', 'argocd.argoproj.io/hook', 'helm.sh/hook']

/**
 * Checks what every stage after this one relies on: apiVersion, kind, name, namespace, and text in labels and annotations. The rest of an
 * object is the API server's to judge. `base` is where the object stands in its document.
 */
export function checkManifest(value: JsonObject, base: FieldPath): Checked {
  const complaints: Complaint[] = []
  const object = nameSoFar(value)
  const complain = (code: string, path: FieldPath, what: string, fix: string): void => {
    const at = [...base, ...path]
    complaints.push({
      code,
      path: at,
      message: what.replace('%', () => displayPath(at)),
      fix,
      ...(object && { object }),
    })
  }
  if (value.apiVersion === undefined && value.kind === undefined) {
    const message = base.length === 0 ? 'is not a Kubernetes object: it has no apiVersion and no kind' : '% has no apiVersion and no kind'
    complain('not-a-manifest', [], message, 'Add them, or list the file in .gitwakeignore where it is no manifest.')
    return { complaints }
  }
  identifier('apiVersion', value.apiVersion, isApiVersion, 'like v1 or apps/v1')
  identifier('kind', value.kind, (text) => KIND.test(text), 'like Deployment')
  const metadata = value.metadata
  const warnings: string[] = []
  if (metadata === undefined || metadata === null) complain('name-missing', ['metadata'], '% is missing', 'Add metadata with a name.')
  else if (!isJsonObject(metadata))
    complain('field-type', ['metadata'], `% is ${typeName(metadata)}, not a map`, 'Write metadata as a map with a name.')
  else checkMetadata(metadata)
  if (complaints.length > 0 || !isJsonObject(metadata)) return { complaints }
  return { manifest: { ...value, metadata: tidy(metadata, warnings) } as Manifest, warnings }

  function identifier(field: string, found: Json | undefined, valid: (text: string) => boolean, example: string): void {
    if (found === undefined || found === null || found === '') complain('not-a-manifest', [field], '% is missing', `Add it, ${example}.`)
    else if (typeof found !== 'string') complain('field-type', [field], `% is ${typeName(found)}, not text`, 'Write it in quotes.')
    else if (!valid(found)) complain('field-invalid', [field], `% is not a valid ${field}`, `Write it ${example}.`)
  }

  function checkMetadata(found: JsonObject): void {
    const { name, namespace, generateName } = found
    const isNamed = name !== undefined && name !== null && name !== ''
    if (!isNamed && typeof generateName === 'string' && isHook(found)) checkName(generateName)
    else if (!isNamed && generateName !== undefined && generateName !== null) {
      complain(
        'generate-name',
        ['metadata', 'generateName'],
        '% would make a new object at every sync',
        'Give the object a fixed metadata.name.',
      )
    } else if (!isNamed) complain('name-missing', ['metadata', 'name'], '% is missing', 'Add a name.')
    else checkName(name)
    if (namespace !== undefined && namespace !== null && namespace !== '') checkNamespace(namespace)
    textMap('labels', found.labels)
    textMap('annotations', found.annotations)
  }

  function checkName(name: Json): void {
    const path = ['metadata', 'name']
    if (typeof name !== 'string') complain('field-type', path, `% is ${typeName(name)}, not text`, 'Write it in quotes.')
    else if (NAME_REFUSED.test(name) || name.length > 253) {
      complain('name-invalid', path, '% cannot name a Kubernetes object', 'Use small letters, digits, "-" and "." (at most 253).')
    }
  }

  function checkNamespace(namespace: Json): void {
    const path = ['metadata', 'namespace']
    if (typeof namespace !== 'string') complain('field-type', path, `% is ${typeName(namespace)}, not text`, 'Write it in quotes.')
    else if (!NAMESPACE.test(namespace))
      complain('name-invalid', path, '% is not a valid namespace', 'Use small letters, digits and "-" (at most 63).')
  }

  function textMap(field: 'labels' | 'annotations', found: Json | undefined): void {
    if (found === undefined || found === null) return
    if (!isJsonObject(found)) {
      complain('field-type', ['metadata', field], `% is ${typeName(found)}, not a map`, 'Write it as a map of text to text.')
      return
    }
    for (const [key, item] of Object.entries(found)) {
      if (typeof item === 'string' || item === null || item === undefined) continue
      const scalar = typeof item !== 'object'
      const fix = scalar ? 'Write the value in quotes.' : 'Write one text as the value.'
      complain('field-type', ['metadata', field, key], `% is ${typeName(item)}, not text`, fix)
    }
  }
}

function isHook({ annotations }: JsonObject): boolean {
  return isJsonObject(annotations) && HOOKS.some((name) => typeof annotations[name] === 'string')
}

/** Nulls where the model has nothing: an empty label is '', as the API server reads it, and an empty namespace is none. */
function tidy(metadata: JsonObject, warnings: string[]): JsonObject {
  const tidied: Record<string, Json | undefined> = { ...metadata }
  if (metadata.namespace === null || metadata.namespace === '') delete tidied.namespace
  // Only a hook has come this far without a name: it gets one with each commit (plan/hooks.ts).
  if (tidied.name === undefined || tidied.name === null || tidied.name === '') tidied.name = metadata.generateName
  else if (metadata.generateName !== undefined) {
    delete tidied.generateName
    if (metadata.generateName !== null) warnings.push('metadata.generateName is ignored: the object has a name')
  }
  for (const field of ['labels', 'annotations']) {
    const map = metadata[field]
    if (map === null) delete tidied[field]
    if (!isJsonObject(map)) continue
    const empty = Object.keys(map).filter((key) => map[key] === null)
    if (empty.length === 0) continue
    tidied[field] = { ...map, ...Object.fromEntries(empty.map((key) => [key, ''])) }
    for (const key of empty) warnings.push(`${displayPath(['metadata', field, key])} has no value: it is applied as ""`)
  }
  return tidied
}

function isApiVersion(text: string): boolean {
  const slash = text.indexOf('/')
  if (slash < 0) return VERSION.test(text)
  return GROUP.test(text.slice(0, slash)) && VERSION.test(text.slice(slash + 1)) && text.length <= 253
}

/** As much of its name as a broken object has: enough for a person to find it. */
function nameSoFar(value: JsonObject): ObjectId | undefined {
  const metadata = isJsonObject(value.metadata) ? value.metadata : {}
  const { name, namespace } = metadata
  if (typeof value.kind !== 'string' || typeof name !== 'string' || name === '') return undefined
  const group = typeof value.apiVersion === 'string' ? groupOf(value.apiVersion) : ''
  return {
    group,
    kind: value.kind,
    namespace: typeof namespace === 'string' ? namespace : '',
    name: name.slice(0, 253),
  }
}

/** What a value is, for people. */
export function typeName(value: Json | undefined): string {
  if (value === null || value === undefined) return 'empty'
  if (Array.isArray(value)) return 'a list'
  switch (typeof value) {
    case 'boolean':
      return 'a yes/no value'
    case 'number':
    case 'bigint':
      return 'a number'
    case 'string':
      return 'text'
    default:
      return 'a map'
  }
}
