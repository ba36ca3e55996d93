import { BUILT_IN_RULES, type HealthRules } from '../health/rules.ts'
import { unlessAborted } from '../model/abort.ts'
import type { KindCatalog, ResourceKind } from '../model/kinds.ts'
import { displayName, objectKey, type ObjectId } from '../model/object.ts'
import { GitwakeError } from '../model/error.ts'
import { parseJson } from '../model/json.ts'
import type { Answers, Found, Questions } from '../plan/questions.ts'
import type { ApplyOperation, Destination, WriteOptions, Written } from '../sync/ports.ts'
import { answerError } from './answer.ts'
import { compareWithLive } from './compare.ts'
import { createWaitForCompletion } from './complete.ts'
import type { ClusterConnection } from './connect.ts'
import { discover } from './discover.ts'
import { followKind } from './follow.ts'
import { impersonating } from './impersonate.ts'
import { createJudge } from './judge.ts'
import { createInventoryStore } from './inventory-store.ts'
import { acquireLease, isLeaseHeld } from './lease.ts'
import { decodeMetadata, METADATA } from './metadata.ts'
import { createObserver } from './observe.ts'
import { objectPath } from './paths.ts'
import { relabelObject, releaseObject } from './release.ts'
import { survey } from './survey.ts'
import { takeOver } from './take-over.ts'
import { waitForDefinitions } from './definitions.ts'
import { createWaitForHealth } from './wait.ts'
import { applyObject, deleteObject, dryRunObject } from './write.ts'
import { createWriters } from './writers.ts'

/** Kinds come and go with CRDs; a plan that misses one asks again at once, so this only bounds how long a removed one is believed. */
const CATALOG_AGE_MS = 5 * 60_000

export interface DestinationOptions {
  readonly inventoryNamespace: string
  /** Names this worker in leases; unique per process. */
  readonly holder: string
  readonly version: string
  /** How health is judged; by what is built in unless told. */
  readonly healthRules?: HealthRules
}

/** One cluster behind the port that a sync uses. */
export function createDestination(connection: ClusterConnection, options: DestinationOptions): Destination {
  const { healthRules = BUILT_IN_RULES } = options
  const waitForHealth = createWaitForHealth(connection, healthRules)
  const inventories = createInventoryStore(connection, options.inventoryNamespace, options.version)
  const released = new Map<string, string>()
  const observer = createObserver(connection)
  const writers = createWriters()
  let known: { readonly catalog: Promise<KindCatalog>; readonly at: number } | undefined

  function catalog({ refresh }: { readonly refresh: boolean }, signal: AbortSignal): Promise<KindCatalog> {
    if (refresh || known === undefined || performance.now() - known.at > CATALOG_AGE_MS) {
      // Shared by every sync of this moment: the end of the one that asked must not be theirs.
      const asked = { catalog: discover(connection, new AbortController().signal), at: performance.now() }
      known = asked
      asked.catalog.catch(() => {
        if (known === asked) known = undefined
      })
    }
    return unlessAborted(known.catalog, signal)
  }

  async function resourceOf(object: ObjectId, version: string, signal: AbortSignal): Promise<ResourceKind> {
    const kinds = await catalog({ refresh: false }, signal)
    const resource = kinds.find(object, version) ?? kinds.preferred(object)
    if (resource !== undefined) return resource
    if (kinds.isStale(object.group)) throw apiAway(object)
    throw new GitwakeError(
      'unknown-kind',
      `the cluster serves no ${object.kind}${object.group === '' ? '' : `.${object.group}`} any more`,
      {
        fix: `Bring its CustomResourceDefinition back, or remove ${displayName(object)} from the inventory by hand.`,
        object,
      },
    )
  }

  async function look(object: ObjectId, version: string, signal: AbortSignal): Promise<Found> {
    const kinds = await catalog({ refresh: false }, signal)
    const resource = kinds.find(object, version) ?? kinds.preferred(object)
    if (resource === undefined && kinds.isStale(object.group)) throw apiAway(object)
    if (resource === undefined) return 'absent' // Its kind is gone, and its objects with it.
    const answer = await connection.request({
      method: 'GET',
      path: objectPath(resource, object.namespace, object.name),
      accept: METADATA,
      signal,
    })
    if (answer.status === 404) return 'absent'
    if (answer.status !== 200) throw answerError(answer, { doing: `reading ${displayName(object)}` })
    return decodeMetadata(parseJson(answer.text), resource) ?? 'absent'
  }

  async function answer(acting: ClusterConnection, questions: Questions, earlier: Answers, signal: AbortSignal): Promise<Answers> {
    const found = new Map(earlier.found)
    const compared = new Map(earlier.compared)
    await Promise.all([
      ...questions.look.map(async ({ object, version }) => found.set(objectKey(object), await look(object, version, signal))),
      ...questions.compare.map(async ({ desired, seen }) => {
        const resource = await resourceOf(desired.object, seen.version, signal)
        const operation: ApplyOperation = { verb: 'apply', manifest: desired.manifest, expect: seen, takeOver: false }
        compared.set(desired.key, await compareWithLive(acting, resource, operation, signal))
      }),
    ])
    return { found, compared }
  }

  async function apply(
    acting: ClusterConnection,
    operation: ApplyOperation,
    resource: ResourceKind,
    settings: WriteOptions & { readonly adopting: boolean },
  ): Promise<Written> {
    if (!operation.takeOver || operation.expect === 'absent') return await applyObject(acting, resource, operation, settings)
    const taken = await takeOver(acting, resource, operation, settings)
    if (taken === 'nothing to take') return await applyObject(acting, resource, operation, settings)
    if (!taken.ok) return taken
    return await applyObject(acting, resource, { ...operation, expect: taken.seen }, settings)
  }

  /** What is written or tried, over this connection. */
  const actingBy = (
    acting: ClusterConnection,
    judge = createJudge(acting),
  ): Pick<Destination, 'answer' | 'apply' | 'delete' | 'dryRun' | 'relabel' | 'release'> => ({
    answer: (questions, earlier, signal) => answer(acting, questions, earlier, signal),
    dryRun: (operation, resource, settings) =>
      settings.awaitsNamespace ? judge(operation, resource, settings.signal) : dryRunObject(acting, resource, operation, settings),
    apply: (operation, resource, settings) => apply(acting, operation, resource, settings),
    relabel: (object, change, resource, settings) => relabelObject(acting, resource, object, change, settings),
    release: (object, applySet, resource, settings) => releaseObject(acting, resource, object, applySet, settings),
    delete: (object, operation, resource, settings) => deleteObject(acting, resource, object, operation, settings),
  })

  const destination: Destination = {
    ...(connection.namespaces && { namespaces: connection.namespaces }),
    catalog,
    readInventory: inventories.read,
    readInventories: inventories.readAll,
    writeInventory: inventories.write,
    deleteInventory: inventories.remove,
    observe: observer.observe,
    survey: (kinds, show, signal) => survey(connection, kinds, show, signal),
    ...actingBy(connection),
    waitForDefinitions: (names, timeoutMs, signal) => waitForDefinitions(connection, names, timeoutMs, signal),
    follow: (kind, namespace, signal) => followKind(connection, kind, namespace, signal),
    isBeingWritten: (application, signal) => isLeaseHeld(connection, { namespace: options.inventoryNamespace, application, signal }),
    complete: createWaitForCompletion(connection, healthRules),
    isWriting: writers.has,
    acquireLease: (application, signal) =>
      writers.take(application, () =>
        acquireLease(connection, { namespace: options.inventoryNamespace, application, holder: options.holder, signal, released }),
      ),
    async health(objects, applySet, settings) {
      const watched = objects.filter(healthRules.has)
      const kinds = await catalog({ refresh: false }, settings.signal)
      return await waitForHealth({ objects: watched, catalog: kinds, applySet, ...settings })
    },
    hasHealth: healthRules.has,
    serverTime: connection.serverTime,
    as: (account) => ({ ...destination, ...actingBy(impersonating(connection, account)) }),
  }
  return destination
}

function apiAway(object: ObjectId): GitwakeError {
  return new GitwakeError('api-away', `the API server behind ${object.group} is away, so nothing is known of ${displayName(object)}`, {
    fix: `Look at the APIService of ${object.group} (kubectl get apiservices); the sync is tried again.`,
    retryable: true,
    object,
  })
}
