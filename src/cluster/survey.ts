import { isJsonObject, type Json } from '../model/json.ts'
import { placesOf, type ResourceKind } from '../model/kinds.ts'
import { PART_OF_LABEL } from '../model/names.ts'
import { groupKindKey, objectKey } from '../model/object.ts'
import type { Glimpse, Observation, Unlistable } from '../model/observation.ts'
import type { ClusterConnection } from './connect.ts'
import { readDefinition } from './definitions.ts'
import { decodeMetadata } from './metadata.ts'
import { NO_LIST, visitMetadata } from './metadata-pages.ts'

/**
 * One metadata LIST per kind of the objects of every application, shown one by one as they come: nothing is kept of what is as it was left.
 * An object may be shown twice. A kind that cannot be listed is told in `unlistable`, whatever was shown of it.
 */
export async function survey(
  connection: ClusterConnection,
  kinds: readonly ResourceKind[],
  show: (glimpse: Glimpse) => void,
  signal: AbortSignal,
): Promise<Omit<Observation, 'objects'>> {
  const { namespaces } = connection
  const unlistable = new Map<string, Unlistable>()
  const definitions = new Map<string, string>()
  await Promise.all(
    kinds.map(async (kind) => {
      const places = placesOf(kind, namespaces)
      if (places.length === 0) return
      if (!kind.verbs.includes('list')) return void unlistable.set(groupKindKey(kind), NO_LIST)
      // Before its objects: a schema that changes in between is then seen the next time, never missed.
      const definition = await readDefinition(connection, kind, signal)
      if (definition !== undefined) definitions.set(groupKindKey(kind), definition)
      const visitor = { visit: (item: Json) => showOne(item, kind, definition, show), restart: () => undefined }
      const refusals = await Promise.all(
        places.map((namespace) => visitMetadata(connection, { kind, namespace, labelSelector: PART_OF_LABEL }, visitor, signal)),
      )
      const refused = refusals.find((refusal) => refusal !== undefined)
      if (refused !== undefined) unlistable.set(groupKindKey(kind), refused)
    }),
  )
  return { unlistable, definitions, ...(namespaces && { namespaces }) }
}

function showOne(item: Json, kind: ResourceKind, definition: string | undefined, show: (glimpse: Glimpse) => void): void {
  if (!isJsonObject(item) || !isJsonObject(item.metadata)) return
  const { name, namespace, uid, resourceVersion, labels, deletionTimestamp } = item.metadata
  if (typeof name !== 'string' || typeof uid !== 'string' || typeof resourceVersion !== 'string') return
  const applySet = isJsonObject(labels) ? labels[PART_OF_LABEL] : undefined
  if (typeof applySet !== 'string') return
  const object = { group: kind.group, kind: kind.kind, namespace: typeof namespace === 'string' ? namespace : '', name }
  const decode: Glimpse['decode'] = () => {
    const seen = decodeMetadata(item, kind)
    return seen && definition !== undefined ? { ...seen, definition } : seen
  }
  show({ key: objectKey(object), applySet, uid, resourceVersion, terminating: deletionTimestamp !== undefined, definition, decode })
}
