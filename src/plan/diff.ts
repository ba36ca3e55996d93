import { structuredPatch } from 'diff'
import { isJsonObject, stringifyJson, type Json, type JsonObject } from '../model/json.ts'
import { MASKED, maskSecrets, maskValue, type FieldNames } from '../model/mask.ts'
import type { LiveObject } from '../model/object.ts'
import type { Change, FieldChange } from '../model/plan.ts'
import { describe, keyOf, memberStep, mergeKey } from './field-path.ts'

/** More than a person reads; the rest is counted. */
const MOST_FIELDS = 100
const MOST_LINES = 80
const MOST_CHARACTERS = 400

/** What the API server writes by itself, whoever changes an object. */
const BOOKKEEPING = new Set(['managedFields', 'resourceVersion', 'generation', 'uid', 'creationTimestamp', 'selfLink'])

/**
 * What a write changes: the live object against what the API server's dry-run answers, with its defaults and its admission. Secrets are
 * masked; that they change is still told.
 */
export function diffObjects(
  before: LiveObject,
  after: LiveObject,
  mask: (text: string) => string = maskSecrets,
): Required<Pick<Change, 'diff'>> & Pick<Change, 'moreFields'> {
  const isSecret = before.kind === 'Secret' && before.apiVersion === 'v1'
  const found: FieldChange[] = []
  compareObjects(comparable(before), comparable(after), { field: '', names: [] }, (place, values) =>
    found.push(shown(place, values, (value) => maskValue(value, place.names, isSecret, mask))),
  )
  const more = found.length - MOST_FIELDS
  return { diff: found.slice(0, MOST_FIELDS), ...(more > 0 && { moreFields: more }) }
}

function comparable({ status: _status, ...object }: LiveObject): JsonObject {
  return { ...object, metadata: Object.fromEntries(Object.entries(object.metadata).filter(([name]) => !BOOKKEEPING.has(name))) }
}

interface Place {
  readonly field: string
  readonly names: FieldNames
}

interface Values {
  readonly before: Json | undefined
  readonly after: Json | undefined
}

type Found = (place: Place, values: Values) => void

function compareValues(before: Json | undefined, after: Json | undefined, place: Place, found: Found): void {
  if (isJsonObject(before) && isJsonObject(after)) return compareObjects(before, after, place, found)
  if (Array.isArray(before) && Array.isArray(after)) return compareLists(before, after, place, found)
  // An object that comes or goes is told field by field, unless it is empty.
  if (before === undefined && hasMembers(after)) return compareObjects({}, after, place, found)
  if (after === undefined && hasMembers(before)) return compareObjects(before, {}, place, found)
  if (before !== after) found(place, { before, after })
}

function hasMembers(value: Json | undefined): value is JsonObject {
  return isJsonObject(value) && Object.keys(value).length > 0
}

function compareObjects(before: JsonObject, after: JsonObject, { field, names }: Place, found: Found): void {
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const step = memberStep(name)
    const [old, fresh] = [before, after].map((object) => (Object.hasOwn(object, name) ? object[name] : undefined))
    compareValues(old, fresh, { field: field === '' ? name : field + step, names: [...names, name] }, found)
  }
}

function compareLists(before: readonly Json[], after: readonly Json[], place: Place, found: Found): void {
  if (![...before, ...after].every((item) => isJsonObject(item))) {
    if (stringifyJson(before) !== stringifyJson(after)) found(place, { before, after })
    return
  }
  const key = mergeKey(before, after)
  if (key === undefined) return compareByPosition(before, after, place, found)
  const [old, fresh] = [byKey(before, key), byKey(after, key)]
  for (const id of new Set([...old.keys(), ...fresh.keys()])) {
    const item = old.get(id) ?? fresh.get(id) ?? {}
    const name = String(item[key[0] ?? ''] ?? '')
    compareValues(old.get(id), fresh.get(id), { field: `${place.field}[${describe(item, key)}]`, names: [...place.names, name] }, found)
  }
  const stayed = (items: ReadonlyMap<string, JsonObject>, others: ReadonlyMap<string, JsonObject>): string[] =>
    [...items].flatMap(([id, item]) => (others.has(id) ? [describe(item, key)] : []))
  // Nobody but us reads a list of named items in its order, except where it matters: init containers, variables that refer to others.
  const order = { before: stayed(old, fresh), after: stayed(fresh, old) }
  if (stringifyJson(order.before) !== stringifyJson(order.after)) found({ ...place, field: `${place.field} (order)` }, order)
}

function byKey(items: readonly Json[], key: readonly string[]): ReadonlyMap<string, JsonObject> {
  return new Map(items.flatMap((item) => (isJsonObject(item) ? [[keyOf(item, key) ?? '', item] as const] : [])))
}

function compareByPosition(before: readonly Json[], after: readonly Json[], place: Place, found: Found): void {
  for (let index = 0; index < Math.max(before.length, after.length); index += 1)
    compareValues(before[index], after[index], { field: `${place.field}[${index}]`, names: [...place.names, String(index)] }, found)
}

function shown({ field }: Place, { before, after }: Values, mask: (value: Json) => Json): FieldChange {
  if (before === undefined) return { field, op: 'add', after: cut(mask(after ?? null)) }
  if (after === undefined) return { field, op: 'remove', before: cut(mask(before)) }
  const [old, fresh] = [mask(before), mask(after)]
  // Equal once masked: what changed is the secret in it.
  if (stringifyJson(old) === stringifyJson(fresh)) return { field, op: 'change', before: MASKED, after: MASKED }
  if (typeof old === 'string' && typeof fresh === 'string' && `${old}${fresh}`.includes('\n'))
    return { field, op: 'change', lines: lineDiff(old, fresh) }
  return { field, op: 'change', before: cut(old), after: cut(fresh) }
}

/** Plain JSON of a readable length. An integer beyond 2^53 becomes its digits: what is shown is stored as ordinary JSON. */
function cut(value: Json): Json {
  if (typeof value === 'bigint') return String(value)
  const text =
    typeof value === 'string' ? value : JSON.stringify(value, (_name, item: unknown) => (typeof item === 'bigint' ? String(item) : item))
  if (text.length > MOST_CHARACTERS) return `${text.slice(0, MOST_CHARACTERS)}…`
  return typeof value === 'object' && value !== null ? (JSON.parse(text) as Json) : value
}

function lineDiff(before: string, after: string): readonly string[] {
  // Texts that have little in common are not searched for long: then the first lines of both are shown.
  const patch = structuredPatch('', '', before, after, undefined, undefined, { context: 2, maxEditLength: 500 })
  const lines = patch?.hunks.flatMap(({ lines: inside }, index) => (index === 0 ? inside : [' …', ...inside])) ?? [
    ...before.split('\n').map((line) => `-${line}`),
    ...after.split('\n').map((line) => `+${line}`),
  ]
  const short = lines.map((line) => (line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS)}…` : line))
  const more = short.length - MOST_LINES
  return more > 0 ? [...short.slice(0, MOST_LINES), ` … ${more} more lines`] : short
}
