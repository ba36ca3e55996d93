import { sha256 } from '../model/digest.ts'
import { isJsonObject, type Json, type JsonObject } from '../model/json.ts'
import type { ResourceKind } from '../model/kinds.ts'
import { isOurs, type ManagedFields, type ObservedObject } from '../model/observation.ts'

/** Media types under which the API server sends metadata only: a tenth of the bytes, and no schema to know. */
export const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json'
export const METADATA = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json'

/**
 * Decodes the metadata of one object, as a LIST, GET, PATCH or watch returns it; undefined where it is not an object at all.
 */
export function decodeMetadata(item: Json | undefined, resource: ResourceKind): ObservedObject | undefined {
  if (!isJsonObject(item) || !isJsonObject(item.metadata)) return undefined
  const metadata = item.metadata
  const { name, uid, resourceVersion } = metadata
  if (typeof name !== 'string' || typeof uid !== 'string' || typeof resourceVersion !== 'string') return undefined
  const managedFields = decodeManagedFields(metadata.managedFields)
  const deletedAt = text(metadata.deletionTimestamp)
  const ours = managedFields.find(isOurs)
  return {
    object: { group: resource.group, kind: resource.kind, namespace: text(metadata.namespace) ?? '', name },
    version: resource.version,
    uid,
    resourceVersion,
    // Where no status can be told apart from the rest, the generation hides nothing; a PriorityClass never raises it at all.
    generation: resource.hasStatus && typeof metadata.generation === 'number' ? metadata.generation : undefined,
    createdAt: text(metadata.creationTimestamp) ?? '',
    terminating: deletedAt !== undefined,
    ...(deletedAt !== undefined && { deletion: { since: deletedAt, finalizers: textsOf(metadata.finalizers) } }),
    labels: strings(metadata.labels),
    annotations: strings(metadata.annotations),
    controller: controllerOf(metadata.ownerReferences),
    // Only what an apply of ours set counts; the text is the API server's own and deterministic.
    fields: ours === undefined ? undefined : sha256(JSON.stringify([ours.apiVersion, ours.fields, ownedMetadata(ours.fields, metadata)])),
    managedFields,
  }
}

/** The labels, annotations and owners that are ours, with their values: a change of metadata in our name moves no generation. */
function ownedMetadata(fields: JsonObject, metadata: JsonObject): Json {
  const owned = isJsonObject(fields['f:metadata']) ? fields['f:metadata'] : {}
  return ['labels', 'annotations', 'ownerReferences'].map((name) => {
    const [part, values] = [owned[`f:${name}`], metadata[name]]
    if (part === undefined || values === undefined) return null
    if (!isJsonObject(part) || !isJsonObject(values)) return values
    return Object.keys(part)
      .filter((key) => key.startsWith('f:'))
      .map((key) => [key, values[key.slice(2)] ?? null])
  })
}

/** Decodes `metadata.managedFields`; entries in a format other than FieldsV1 are left out. */
export function decodeManagedFields(value: Json | undefined): ManagedFields[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((entry: Json) => {
    if (!isJsonObject(entry) || typeof entry.manager !== 'string' || !isJsonObject(entry.fieldsV1)) return []
    return [
      {
        manager: entry.manager,
        operation: entry.operation === 'Apply' ? 'Apply' : 'Update',
        subresource: text(entry.subresource) ?? '',
        apiVersion: text(entry.apiVersion) ?? '',
        time: text(entry.time),
        fields: entry.fieldsV1,
      } as const,
    ]
  })
}

/** The strings of a list; [] where it is none. */
export function textsOf(value: Json | undefined): string[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter((item) => typeof item === 'string') : []
}

function controllerOf(owners: Json | undefined): string | undefined {
  if (!Array.isArray(owners)) return undefined
  const controller = owners.find((owner: Json): owner is JsonObject => isJsonObject(owner) && owner.controller === true)
  return controller === undefined ? undefined : `${String(controller.kind)}/${String(controller.name)}`
}

function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function strings(value: Json | undefined): Readonly<Record<string, string>> {
  if (!isJsonObject(value)) return {}
  return Object.fromEntries(Object.entries(value).flatMap(([key, item]) => (typeof item === 'string' ? [[key, item]] : [])))
}
