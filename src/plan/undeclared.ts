import { isJsonObject, type Json, type JsonObject } from '../model/json.ts'
import type { LiveObject, Manifest } from '../model/object.ts'
import { isOurs, type ManagedFields, type ObservedObject } from '../model/observation.ts'
import type { FieldDrift } from '../model/plan.ts'
import { itemOfKey, matches } from './drift.ts'
import { itemStep, memberStep } from './field-path.ts'
import { isPerson, isTakenOver } from './people.ts'

/** What kubectl writes beside what it was asked for. */
const BESIDES = ['metadata.annotations[kubectl.kubernetes.io/last-applied-configuration]', 'status.']

/** The fields that a person added to a live object and that its manifest does not declare. A forced apply leaves them as they are. */
export function undeclaredFields(manifest: Manifest, seen: ObservedObject): readonly FieldDrift[] {
  return seen.managedFields
    .filter(({ manager, subresource }) => subresource === '' && isPerson(manager))
    .flatMap(({ manager, time, fields }) => {
      const found: FieldDrift[] = []
      walk(fields, manifest, '', (field) => {
        if (!BESIDES.some((besides) => field.startsWith(besides))) found.push({ field, manager, at: time })
      })
      return found
    })
}

/**
 * What an apply makes of an object after it has taken over the fields of others, where a dry-run could only show it without: what they
 * alone had set and Git does not declare is gone. (A default may take its place: only the API server knows.)
 */
export function withoutTaken(applied: LiveObject, manifest: Manifest, seen: ObservedObject, adopting: boolean): LiveObject {
  const isTaken = (entry: ManagedFields): boolean => entry.subresource === '' && isTakenOver(entry.manager, adopting)
  const others = seen.managedFields.filter((entry) => !isTaken(entry) && !isOurs(entry)).map(({ fields }) => fields)
  const members = seen.managedFields
    .filter(isTaken)
    .reduce<JsonObject>((rest, { fields }) => prune(rest, fields, manifest, others), applied)
  return { ...applied, ...members, metadata: { ...applied.metadata, ...(isJsonObject(members.metadata) && members.metadata) } }
}

/** Members that go are left undefined, so that nothing of the type is lost. */
function prune(value: JsonObject, owned: JsonObject, declared: Json | undefined, others: readonly JsonObject[]): JsonObject {
  const rest: Record<string, Json | undefined> = { ...value }
  for (const [key, inside] of Object.entries(owned)) {
    const name = key.slice(2)
    if (!key.startsWith('f:') || !isJsonObject(inside)) continue
    const wanted = isJsonObject(declared) && Object.hasOwn(declared, name) ? declared[name] : undefined
    const shared = others.flatMap((fields) => (isJsonObject(fields[key]) ? [fields[key]] : []))
    const item = rest[name]
    if (wanted === undefined && !hasParts(inside)) {
      if (shared.length === 0) rest[name] = undefined
    } else if (isJsonObject(item)) rest[name] = prune(item, inside, wanted, shared)
    else if (Array.isArray(item)) rest[name] = pruneItems(item, inside, wanted, shared)
  }
  return rest
}

function pruneItems(items: readonly Json[], owned: JsonObject, declared: Json | undefined, others: readonly JsonObject[]): Json {
  const wanted: readonly Json[] = Array.isArray(declared) ? declared : []
  return items.flatMap((item) => {
    const key = Object.keys(owned).find((candidate) => matches(candidate, item))
    const inside = key === undefined ? undefined : owned[key]
    if (key === undefined || !isJsonObject(inside)) return [item]
    const shared = others.flatMap((fields) => (isJsonObject(fields[key]) ? [fields[key]] : []))
    const own = wanted.find((candidate) => matches(key, candidate))
    if (own === undefined) return shared.length === 0 ? [] : [item]
    return [isJsonObject(item) ? prune(item, inside, own, shared) : item]
  })
}

function walk(owned: JsonObject, value: Json, path: string, onFound: (field: string) => void): void {
  for (const [key, inside] of Object.entries(owned)) {
    if (key === '.') continue
    const { declared, step } = follow(key, value)
    const field = path === '' ? step.replace(/^\./, '') : path + step
    // An item of a list is told as a whole, a map or an object by what is in it.
    if (declared === undefined && (key.startsWith('k:') || !hasParts(inside))) onFound(field)
    else if (isJsonObject(inside)) walk(inside, declared ?? null, field, onFound)
  }
}

function hasParts(fields: Json | undefined): boolean {
  return isJsonObject(fields) && Object.keys(fields).some((key) => key !== '.')
}

/** One step of FieldsV1 into the manifest. */
function follow(key: string, value: Json): { readonly declared: Json | undefined; readonly step: string } {
  if (key.startsWith('f:')) {
    const name = key.slice(2)
    return { declared: isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined, step: memberStep(name) }
  }
  return {
    declared: Array.isArray(value) ? value.find((item: Json) => matches(key, item)) : undefined,
    step: itemStep(itemOfKey(key)),
  }
}
