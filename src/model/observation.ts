import { isJsonObject, type Json, type JsonObject } from './json.ts'
import { FIELD_MANAGER } from './names.ts'
import { groupKindKey, type ObjectId, type ObjectKey } from './object.ts'

/** One entry of `metadata.managedFields`. */
export interface ManagedFields {
  readonly manager: string
  readonly operation: 'Apply' | 'Update'
  readonly subresource: string
  readonly apiVersion: string
  /** ISO 8601. */
  readonly time: string | undefined
  /** FieldsV1: keys `f:name`, `k:{…}`, `v:…`, `i:…`, `.`. */
  readonly fields: JsonObject
}

/** The entry of what our applies set. */
export function isOurs({ manager, operation, subresource }: ManagedFields): boolean {
  return manager === FIELD_MANAGER && operation === 'Apply' && subresource === ''
}

/** Everything that one of two sets of fields (FieldsV1) holds. */
export function unionFields(a: JsonObject, b: JsonObject): JsonObject {
  const union: Record<string, Json | undefined> = { ...a }
  for (const [key, value] of Object.entries(b)) {
    const existing = union[key]
    union[key] = isJsonObject(existing) && isJsonObject(value) ? unionFields(existing, value) : value
  }
  return union
}

/** What a metadata LIST tells about one live object. */
export interface ObservedObject {
  readonly object: ObjectId
  /** The version it was read in. */
  readonly version: string
  readonly uid: string
  readonly resourceVersion: string
  readonly generation: number | undefined
  /** ISO 8601. */
  readonly createdAt: string
  readonly terminating: boolean
  /** Where it is terminating: since when (ISO 8601), and what must let go of it first. */
  readonly deletion?: { readonly since: string; readonly finalizers: readonly string[] }
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** The kind and name of the owner that controls it, if any. */
  readonly controller: string | undefined
  /** State of the CustomResourceDefinition behind it (uid and generation); undefined for built-in kinds, and where it cannot be read. */
  readonly definition?: string
  /** sha256 of our managedFields entry; undefined where we own no field. */
  readonly fields: string | undefined
  readonly managedFields: readonly ManagedFields[]
}

/** What is told at once of an object that a LIST brings, before the rest of its metadata is understood. */
export interface Glimpse {
  readonly key: ObjectKey
  /** The ApplySet that its label names. */
  readonly applySet: string
  readonly uid: string
  readonly resourceVersion: string
  readonly terminating: boolean
  readonly definition: string | undefined
  /** The rest; undefined where it is no object. Asked only while it is shown: nothing of a whole cluster is kept. */
  readonly decode: () => ObservedObject | undefined
}

/** How the deletion of an object goes, as part of a sentence. */
export function displayDeletion({ deletion }: ObservedObject): string {
  if (deletion === undefined) return 'it is being deleted'
  const { since, finalizers } = deletion
  const waits = finalizers.length === 0 ? '' : `, and waits for its finalizers (${finalizers.join(', ')})`
  return `it is being deleted since ${since}${waits}`
}

/** Why the objects of a kind could not be listed. */
export interface Unlistable {
  readonly reason: string
  /** A right is missing; anything else is the API server's own trouble. */
  readonly isForbidden: boolean
}

/** Everything that one round of LISTs tells. */
export interface Observation {
  readonly objects: ReadonlyMap<ObjectKey, ObservedObject>
  /** Kinds (as `group/kind`) that could not be listed, with the reason: their objects are unknown, not absent. */
  readonly unlistable: ReadonlyMap<string, Unlistable>
  /** State of each custom kind's definition, by `group/kind`, read before its objects. */
  readonly definitions: ReadonlyMap<string, string>
  /** The only namespaces that were looked at; the whole cluster where this is missing. Objects elsewhere are unknown, not absent. */
  readonly namespaces?: readonly string[]
}

/** Why an object cannot be looked after at all: it is outside the namespaces of its cluster. */
export function whyOutside(
  { namespaces }: Pick<Observation, 'namespaces'>,
  { namespace }: Pick<ObjectId, 'namespace'>,
): string | undefined {
  if (namespaces === undefined || namespaces.includes(namespace)) return undefined
  const only = `only namespaces of this cluster are looked after: ${namespaces.join(', ')}`
  return namespace === '' ? `it is cluster-scoped, and ${only}` : `it is in namespace ${namespace}, and ${only}`
}

/** Why nothing is known of an object that was not seen; undefined where it is absent. */
export function whyUnknown(observation: Pick<Observation, 'namespaces' | 'unlistable'>, object: ObjectId): string | undefined {
  const outside = whyOutside(observation, object)
  if (outside !== undefined) return outside
  const unlistable = observation.unlistable.get(groupKindKey(object))
  return unlistable === undefined ? undefined : `its kind cannot be listed (${unlistable.reason})`
}
