import { sha256 } from '../model/digest.ts'
import type { InventoryEntry } from '../model/inventory.ts'
import { placesOf, type ResourceKind } from '../model/kinds.ts'
import type { Log } from '../model/log.ts'
import { PART_OF_LABEL } from '../model/names.ts'
import { groupKindKey, objectKey, type ObjectId, type ObjectKey } from '../model/object.ts'
import type { ObservedObject, Unlistable } from '../model/observation.ts'
import type { Destination, Noticed } from '../sync/ports.ts'
import { compare, type Deviation } from '../sync/deviation.ts'

export interface DriftWatchOptions {
  readonly cluster: string
  readonly inventoryNamespace: string
  readonly log: Log
  readonly applicationOf: (applySet: string) => string | undefined
  /** An application whose objects are not as they were left. */
  readonly onDrift: (application: string, deviations: readonly Deviation[]) => Promise<void>
  /** The status of something with health has moved. */
  readonly onHealth: (application: string, destination: Destination) => Promise<void>
  /** A watch lost its place and goes on: what moved meanwhile only a sweep can tell. */
  readonly onGap: () => Promise<void>
  /** Suspicion alone (an object moved, its fields are still ours) is told once in this time: some objects move all the time. */
  readonly suspectEveryMs: () => number
}

/** Watches between sweeps: tells at once which application to look at. What it finds is found by the sweep too. */
export interface DriftWatch {
  /** Watches exactly these kinds from now on. */
  follow(destination: Destination, kinds: readonly ResourceKind[]): void
  /** Watches the kinds of these objects too. */
  include(objects: readonly ObjectId[]): Promise<void>
  /** Has every watch proven within the last two minutes that it is alive? */
  isLive(): boolean
  close(): void
}

/** The labelled objects of one kind, in one namespace or ('') in all. */
interface Followed {
  readonly kind: ResourceKind
  readonly namespace: string
}

/** One save in an editor, or one `kubectl apply -f folder`, is one look. */
const DEBOUNCE_MS = 100
const WHILE_WRITTEN_MS = 300
const HEALTH_EVERY_MS = 5_000
/** An API server that was away takes the places of all watches at once. */
const GAPS_MS = 1_000
/** The server sends a bookmark about once a minute. */
const ALIVE_MS = 120_000

export function createDriftWatch(options: DriftWatchOptions): DriftWatch {
  const { cluster, log } = options
  const follows = new Map<string, { readonly stop: AbortController; aliveAt: number }>()
  /** Per application: what moved and was not looked at yet. */
  const pending = new Map<string, Map<ObjectKey, ObservedObject | undefined>>()
  const timers = new Map<string, NodeJS.Timeout>()
  /** Digest of the state of each object that was found in order: nothing else is kept of the cluster. */
  const inOrder = new Map<ObjectKey, string>()
  const suspectedAt = new Map<string, number>()
  const refused = new Set<string>()
  let destination: Destination | undefined

  function start({ kind, namespace }: Followed, at: Destination): void {
    const stop = new AbortController()
    const own = { stop, aliveAt: -Infinity }
    let missed = false
    follows.set(keyOf({ kind, namespace }), own)
    const run = async (): Promise<void> => {
      for await (const noticed of at.follow(kind, namespace, stop.signal)) {
        if (noticed.type === 'refused') tellRefused(kind, noticed.reason)
        const isBlind = noticed.type === 'gap' || noticed.type === 'refused'
        own.aliveAt = isBlind ? -Infinity : performance.now()
        // Not before it watches again: what came between that sweep and the watch would be missed once more.
        if (missed && !isBlind) soon('gap', GAPS_MS, options.onGap)
        missed = isBlind
        if (noticed.type === 'changed' || noticed.type === 'deleted') notice(noticed)
      }
    }
    run().catch((error: unknown) => {
      // Whatever it was: without this watch the sweeps come as often as before.
      if (!stop.signal.aborted) log.debug({ cluster, kind: kind.kind, problem: String(error) }, 'a watch ended')
      own.aliveAt = -Infinity
    })
  }

  function tellRefused({ group, kind }: ResourceKind, reason: string): void {
    const key = groupKindKey({ group, kind })
    if (refused.has(key)) return
    refused.add(key)
    log.info({ cluster, kind: key }, `not watched, so its drift is seen at the next sweep: ${reason}`)
  }

  function notice({ type, seen }: Extract<Noticed, { seen: ObservedObject }>): void {
    const application = options.applicationOf(seen.labels[PART_OF_LABEL] ?? '')
    // What is being deleted is told when it is gone: until then nothing can be applied onto it.
    if (application === undefined || (type === 'changed' && seen.terminating)) return
    const key = objectKey(seen.object)
    if (type === 'changed' && inOrder.get(key) === stateOf(seen))
      return soon(`health ${application}`, HEALTH_EVERY_MS, () => lookAtHealth(application, seen))
    inOrder.delete(key)
    const moved = pending.get(application) ?? new Map<ObjectKey, ObservedObject | undefined>()
    pending.set(application, moved.set(key, type === 'deleted' ? undefined : seen))
    soon(application, DEBOUNCE_MS, () => look(application))
  }

  /** Runs something once after a while, however often it is asked for meanwhile. */
  function soon(name: string, ms: number, run: () => Promise<void>): void {
    if (timers.has(name)) return
    const timer = setTimeout(() => {
      timers.delete(name)
      run().catch((error: unknown) => log.debug({ cluster, problem: String(error) }, 'a look at what moved failed; the sweep will tell'))
    }, ms)
    timers.set(name, timer)
  }

  async function lookAtHealth(application: string, { object }: ObservedObject): Promise<void> {
    if (destination?.hasHealth(object) === true) await options.onHealth(application, destination)
  }

  async function look(application: string): Promise<void> {
    const moved = pending.get(application)
    if (destination === undefined || moved === undefined) return
    pending.delete(application)
    // Our own writes are in the inventory only when all of them are done.
    if (destination.isWriting(application)) return again(application, moved, WHILE_WRITTEN_MS)
    const signal = AbortSignal.timeout(30_000)
    if ((await deviationsAmong(moved, application, destination, signal)).length === 0) return
    // So are those of another worker. It may have ended since the inventory was read: then what it wrote stands there now.
    if (await destination.isBeingWritten(application, signal)) return again(application, moved, WHILE_WRITTEN_MS)
    const deviations = await deviationsAmong(moved, application, destination, signal)
    if (deviations.length === 0) return
    if (deviations.every(({ reason }) => reason === 'suspect')) {
      const quietMs = (suspectedAt.get(application) ?? -Infinity) + options.suspectEveryMs() - performance.now()
      if (quietMs > 0) return again(application, moved, quietMs)
      suspectedAt.set(application, performance.now())
    }
    await options.onDrift(application, deviations)
  }

  async function deviationsAmong(
    moved: ReadonlyMap<ObjectKey, ObservedObject | undefined>,
    application: string,
    at: Destination,
    signal: AbortSignal,
  ): Promise<readonly Deviation[]> {
    const stored = await at.readInventory(application, signal)
    if (stored === undefined) return []
    const entries = new Map([...stored.inventory.entries].filter(([key, entry]) => moved.has(key) && !isOlder(moved.get(key), entry)))
    const objects = new Map([...moved].flatMap(([key, seen]) => (seen === undefined ? [] : [[key, seen] as const])))
    const observation = { objects, unlistable: new Map<string, Unlistable>(), definitions: new Map<string, string>() }
    const deviations = compare({ ...stored.inventory, entries }, observation, options.inventoryNamespace)
    remember(entries.keys(), objects, deviations)
    return deviations
  }

  /** Looks at the same once more, later; what has moved since then is newer. */
  function again(application: string, moved: ReadonlyMap<ObjectKey, ObservedObject | undefined>, ms: number): void {
    pending.set(application, new Map([...moved, ...(pending.get(application) ?? [])]))
    soon(application, ms, () => look(application))
  }

  function remember(tracked: Iterable<ObjectKey>, objects: ReadonlyMap<ObjectKey, ObservedObject>, deviations: readonly Deviation[]): void {
    const deviating = new Set(deviations.map(({ object }) => objectKey(object)))
    for (const key of tracked) {
      const seen = objects.get(key)
      if (seen !== undefined && !deviating.has(key)) inOrder.set(key, stateOf(seen))
    }
  }

  function stopAll(): void {
    for (const { stop } of follows.values()) stop.abort()
    for (const timer of timers.values()) clearTimeout(timer)
    for (const kept of [follows, timers, pending, inOrder]) kept.clear()
  }

  return {
    follow(at, kinds) {
      if (destination !== at) stopAll()
      destination = at
      const wanted = new Map(kinds.flatMap((kind) => placesIn(at, kind)).map((followed) => [keyOf(followed), followed]))
      for (const [key, { stop }] of follows) {
        if (wanted.has(key)) continue
        stop.abort()
        follows.delete(key)
      }
      for (const [key, followed] of wanted) if (!follows.has(key)) start(followed, at)
    },
    async include(objects) {
      const at = destination
      if (at === undefined) return
      const catalog = await at.catalog({ refresh: false }, AbortSignal.timeout(30_000))
      for (const kind of objects.flatMap((object) => catalog.preferred(object) ?? []))
        if (!isFollowed(kind)) for (const followed of placesIn(at, kind)) start(followed, at)
    },
    isLive: () => follows.size > 0 && [...follows.values()].every(({ aliveAt }) => performance.now() - aliveAt < ALIVE_MS),
    close() {
      stopAll()
      destination = undefined
    },
  }

  function isFollowed(kind: ResourceKind): boolean {
    return [...follows.keys()].some((key) => key.startsWith(`${groupKindKey(kind)}@`))
  }
}

/** An event that comes late tells of a state before our last write. Kubernetes orders the versions of one object by number. */
function isOlder(seen: ObservedObject | undefined, entry: InventoryEntry): boolean {
  return entry.status === 'owned' && seen?.uid === entry.uid && Number(seen.resourceVersion) < Number(entry.resourceVersion)
}

function placesIn({ namespaces }: Destination, kind: ResourceKind): readonly Followed[] {
  return placesOf(kind, namespaces).map((namespace) => ({ kind, namespace }))
}

function keyOf({ kind, namespace }: Followed): string {
  return `${groupKindKey(kind)}@${kind.version} ${namespace}`
}

function stateOf({ uid, generation, resourceVersion, fields, labels }: ObservedObject): string {
  return sha256(JSON.stringify([uid, generation ?? resourceVersion, fields, labels[PART_OF_LABEL]])).slice(0, 16)
}
