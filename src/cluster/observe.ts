import type { Gathering, Outcome } from '../model/gathering.ts'
import { isJsonObject, parseJson, type Json } from '../model/json.ts'
import { placesOf, type ResourceKind } from '../model/kinds.ts'
import { PART_OF_LABEL } from '../model/names.ts'
import { groupKindKey, objectKey, type ObjectKey } from '../model/object.ts'
import type { Observation, ObservedObject } from '../model/observation.ts'
import type { ClusterConnection } from './connect.ts'
import { readDefinition } from './definitions.ts'
import { classifyAnswer } from './errors.ts'
import { decodeMetadata, METADATA_LIST } from './metadata.ts'
import { collectionPath } from './paths.ts'
import type { ApiResponse } from './request.ts'
import { askTogether } from './together.ts'

/** Small pages cost a round trip each; the API server's own default for controllers is 500, a page of 2,500 is ~8 MB at worst. */
const PAGE = 2500
/** A `continue` token expires when etcd compacts; the list then starts again, this often. */
const RESTARTS = 3

/** What a LIST told, or why there is none. */
type Listed = { readonly objects: readonly ObservedObject[]; readonly definition: string | undefined } | string

/** Looks at the objects of applications by their labels. */
export interface Observer {
  /**
   * One metadata LIST per kind (and namespace, where only namespaces are granted), by label: all objects of one application (its ApplySet id), or of every application.
   * Applications that ask at the same moment share it. A kind that cannot be listed is told in `unlistable`; nothing is concluded about its objects.
   */
  observe(kinds: readonly ResourceKind[], applySet: string | undefined, signal: AbortSignal): Promise<Observation>
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
    if (typeof listed === 'string') return new Map(applySets.map((applySet) => [applySet, { value: listed }]))
    const byApplySet = Map.groupBy(listed.objects, ({ labels }) => labels[PART_OF_LABEL])
    return new Map(applySets.map((applySet) => [applySet, { value: { ...listed, objects: byApplySet.get(applySet) ?? [] } }]))
  }

  return {
    async observe(kinds, applySet, signal) {
      const objects = new Map<ObjectKey, ObservedObject>()
      const unlistable = new Map<string, string>()
      const definitions = new Map<string, string>()
      await Promise.all(
        kinds.map(async (kind) => {
          if (placesOf(kind, namespaces).length === 0) return undefined
          const listed = await (applySet === undefined ? list(connection, kind, PART_OF_LABEL, signal) : sharedList(kind)(applySet, signal))
          if (typeof listed === 'string') return unlistable.set(groupKindKey(kind), listed)
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
  if (!kind.verbs.includes('list')) return 'the API server offers no list of it'
  // Before its objects: a schema that changes in between is then seen the next time, never missed.
  const definition = await readDefinition(connection, kind, signal)
  const places = await Promise.all(
    placesOf(kind, connection.namespaces).map((namespace) => listPlace(connection, { kind, namespace, labelSelector }, signal)),
  )
  const refused = places.find((listed) => typeof listed === 'string')
  return refused ?? { objects: places.flatMap((listed) => (typeof listed === 'string' ? [] : listed)), definition }
}

/** The objects of one kind to list, in one namespace or ('') in all. */
interface Place {
  readonly kind: ResourceKind
  readonly namespace: string
  readonly labelSelector: string
}

async function listPlace(connection: ClusterConnection, place: Place, signal: AbortSignal): Promise<readonly ObservedObject[] | string> {
  for (let attempt = 0; attempt < RESTARTS; attempt += 1) {
    const objects = await listPages(connection, place, signal)
    if (objects !== 'expired') return objects
  }
  return 'the list expired again and again'
}

async function listPages(
  connection: ClusterConnection,
  { kind, namespace, labelSelector }: Place,
  signal: AbortSignal,
): Promise<readonly ObservedObject[] | string> {
  // Of every application only what moved is asked, and there may be very many objects.
  const brief = labelSelector === PART_OF_LABEL
  const ask = (next: string | undefined): Promise<ApiResponse> => {
    const query = { labelSelector, limit: String(PAGE), continue: next }
    return connection.request({ method: 'GET', path: collectionPath(kind, namespace), query, accept: METADATA_LIST, signal })
  }
  const found: ObservedObject[] = []
  for (let asked = ask(undefined); ;) {
    const answer = await asked
    if (answer.status === 410) return 'expired'
    if (answer.status !== 200) return classifyAnswer(answer).message
    const page = parseJson(answer.text)
    if (!isJsonObject(page)) return 'the API server answered with something that is not a list'
    const next = isJsonObject(page.metadata) ? page.metadata.continue : undefined
    const isLast = typeof next !== 'string' || next === ''
    // The next page is on its way while this one is decoded.
    if (!isLast) asked = ask(next)
    // An empty metadata list comes as `items: null`.
    for (const item of Array.isArray(page.items) ? (page.items as readonly Json[]) : []) {
      const seen = decodeMetadata(item, kind, { brief })
      if (seen !== undefined) found.push(seen)
    }
    if (isLast) return found
  }
}
