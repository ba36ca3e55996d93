import type { Gathering, Outcome } from '../model/gathering.ts'
import { placesOf, type ResourceKind } from '../model/kinds.ts'
import { PART_OF_LABEL } from '../model/names.ts'
import { groupKindKey, objectKey, type ObjectKey } from '../model/object.ts'
import type { Observation, ObservedObject, Unlistable } from '../model/observation.ts'
import type { ClusterConnection } from './connect.ts'
import { readDefinition } from './definitions.ts'
import { decodeMetadata } from './metadata.ts'
import { NO_LIST, visitMetadata, type Place } from './metadata-pages.ts'
import { askTogether } from './together.ts'

/** What a LIST told, or why there is none. */
type Listed = { readonly objects: readonly ObservedObject[]; readonly definition: string | undefined } | Unlistable

/** Looks at the objects of applications by their labels. */
export interface Observer {
  /**
   * One metadata LIST per kind (and namespace, where only namespaces are granted), by label: all objects of one application (its ApplySet id).
   * Applications that ask at the same moment share it. A kind that cannot be listed is told in `unlistable`; nothing is concluded about its objects.
   */
  observe(kinds: readonly ResourceKind[], applySet: string, signal: AbortSignal): Promise<Observation>
}

export function createObserver(connection: ClusterConnection): Observer {
  const { namespaces } = connection
  const shared = new Map<string, Gathering<Listed>['ask']>()

  function sharedList(kind: ResourceKind): Gathering<Listed>['ask'] {
    const key = `${groupKindKey(kind)}@${kind.version}`
    const ask =
      shared.get(key) ?? askTogether<Listed>(PART_OF_LABEL, (selector, applySets, signal) => listFor(kind, selector, applySets, signal))
    shared.set(key, ask)
    return ask
  }

  async function listFor(
    kind: ResourceKind,
    labelSelector: string,
    applySets: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Outcome<Listed>>> {
    const listed = await list(connection, kind, labelSelector, signal)
    if ('reason' in listed) return new Map(applySets.map((applySet) => [applySet, { value: listed }]))
    const byApplySet = Map.groupBy(listed.objects, ({ labels }) => labels[PART_OF_LABEL])
    return new Map(applySets.map((applySet) => [applySet, { value: { ...listed, objects: byApplySet.get(applySet) ?? [] } }]))
  }

  return {
    async observe(kinds, applySet, signal) {
      const objects = new Map<ObjectKey, ObservedObject>()
      const unlistable = new Map<string, Unlistable>()
      const definitions = new Map<string, string>()
      await Promise.all(
        kinds.map(async (kind) => {
          if (placesOf(kind, namespaces).length === 0) return undefined
          const listed = await sharedList(kind)(applySet, signal)
          if ('reason' in listed) return unlistable.set(groupKindKey(kind), listed)
          const { definition } = listed
          if (definition !== undefined) definitions.set(groupKindKey(kind), definition)
          for (const seen of listed.objects) objects.set(objectKey(seen.object), definition === undefined ? seen : { ...seen, definition })
          return undefined
        }),
      )
      return { objects, unlistable, definitions, ...(namespaces && { namespaces }) }
    },
  }
}

async function list(connection: ClusterConnection, kind: ResourceKind, labelSelector: string, signal: AbortSignal): Promise<Listed> {
  if (!kind.verbs.includes('list')) return NO_LIST
  // Before its objects: a schema that changes in between is then seen the next time, never missed.
  const definition = await readDefinition(connection, kind, signal)
  const places = await Promise.all(
    placesOf(kind, connection.namespaces).map((namespace) => listPlace(connection, { kind, namespace, labelSelector }, signal)),
  )
  const refused = places.find((listed) => 'reason' in listed)
  return refused ?? { objects: places.flatMap((listed) => ('reason' in listed ? [] : listed)), definition }
}

async function listPlace(
  connection: ClusterConnection,
  place: Place,
  signal: AbortSignal,
): Promise<readonly ObservedObject[] | Unlistable> {
  let found: ObservedObject[] = []
  const refused = await visitMetadata(
    connection,
    place,
    {
      visit(item) {
        const seen = decodeMetadata(item, place.kind)
        if (seen !== undefined) found.push(seen)
      },
      restart: () => void (found = []),
    },
    signal,
  )
  return refused ?? found
}
