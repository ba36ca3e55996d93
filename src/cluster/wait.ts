import type { HealthRules } from '../health/rules.ts'
import type { KindCatalog, ResourceKind } from '../model/kinds.ts'
import { PART_OF_LABEL } from '../model/names.ts'
import { whyOutside } from '../model/observation.ts'
import { groupKindKey, objectIdOf, type LiveObject, type ObjectId } from '../model/object.ts'
import type { HealthReport } from '../sync/ports.ts'
import type { ClusterConnection } from './connect.ts'
import { createHealthBoard, type HealthBoard, type Part } from './health-board.ts'
import { listObjects } from './list.ts'
import { createLiveFeeds, type LiveFeeds } from './live-feeds.ts'
import { pause } from './pause.ts'
import { createTroubleshooter, hasPods, hasRollout, type Troubleshooter } from './rollout-trouble.ts'

export interface WaitOptions {
  /** Only those that can be anything but current: the others need no wait. */
  readonly objects: readonly ObjectId[]
  readonly catalog: KindCatalog
  /** The ApplySet id that the objects carry as a label. */
  readonly applySet: string
  /** 0 looks once. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Asked once a second: true ends the wait. */
  readonly superseded: () => Promise<boolean>
  /** Makes what a container wrote fit to be shown; without it no log is read. */
  readonly maskLog?: (text: string) => string
}

export type WaitForHealth = (options: WaitOptions) => Promise<HealthReport>

const SUPERSEDED_EVERY_MS = 1000
const TICK_MS = 250
const LIST_AGAIN_MS = 1000
/** Pauses between two looks at the Pods of a rollout: they grow while nothing moves, so that rollouts that are stuck for long cost little. */
const LOOK_MS = { first: 2000, growth: 1.5, most: 30_000 } as const
/** Failed objects whose Pods are asked for more than their own status tells, and how long that may take. */
const EXPLAINED = 5
const EXPLAIN_MS = 5000

/** What all waits in one cluster share. */
interface Shared {
  readonly connection: ClusterConnection
  readonly rules: HealthRules
  readonly feeds: LiveFeeds
  readonly troubleshooter: Troubleshooter
}

/** What the parts of one wait share. Its signal ends with the wait. */
interface Wait extends WaitOptions, Shared {
  readonly board: HealthBoard
  /** A part has been read for the first time, or never will be. */
  readonly looked: (part: Part) => void
  /** The board changed: perhaps that was all. */
  readonly check: () => void
  readonly end: (how: HealthReport['ended']) => void
}

/**
 * Makes the function that waits until every object is current, one has failed, the time is over, or a newer commit makes it pointless:
 * one LIST per kind (and namespace, where only namespaces are granted), then the changes of a watch that all waits share. A rollout whose new Pods cannot come up fails at once, with their
 * reason. Throws the signal's reason when aborted; a server that cannot be reached is waited for like everything else.
 */
export function createWaitForHealth(connection: ClusterConnection, rules: HealthRules): WaitForHealth {
  const shared: Shared = { connection, rules, feeds: createLiveFeeds(connection), troubleshooter: createTroubleshooter(connection) }
  return (options) => waitForHealth(options, shared)
}

async function waitForHealth(options: WaitOptions, shared: Shared): Promise<HealthReport> {
  options.signal.throwIfAborted()
  const ended = Promise.withResolvers<HealthReport['ended']>()
  const stop = new AbortController()
  const abort = (): void => ended.reject(options.signal.reason)
  options.signal.addEventListener('abort', abort, { once: true })
  // Looking once has the patience of its requests; a wait has a deadline of its own.
  const timer = options.timeoutMs === 0 ? undefined : setTimeout(ended.resolve, options.timeoutMs, 'timeout')
  const wait = prepare(options, shared, AbortSignal.any([options.signal, stop.signal]), ended.resolve)
  const tasks = start(wait)
  for (const task of tasks) task.catch(ended.reject)
  try {
    const how = await ended.promise
    // A look finds what a wait has found before it, or a rollout that failed would be told as coming up at the next sweep.
    if (options.timeoutMs === 0)
      await Promise.all(
        wait.board
          .pending()
          .filter(hasRollout)
          .map((workload) => lookAt(wait, workload)),
      )
    else if (how === 'settled') await explainFailures(wait)
    return wait.board.report(how)
  } finally {
    clearTimeout(timer)
    options.signal.removeEventListener('abort', abort)
    stop.abort()
    await Promise.allSettled(tasks)
  }
}

function prepare(options: WaitOptions, shared: Shared, signal: AbortSignal, end: Wait['end']): Wait {
  const board = createHealthBoard(options.objects, shared.rules)
  const unseen = new Set(partsOf(options.objects, shared.connection.namespaces).map(partKey))
  const check = (): void => {
    if (unseen.size > 0) return
    if (board.settled(shared.connection.serverTime())) end('settled')
    else if (options.timeoutMs === 0) end('timeout')
  }
  const looked = (part: Part): void => {
    unseen.delete(partKey(part))
    check()
  }
  return { ...options, ...shared, signal, board, check, looked, end }
}

function start(wait: Wait): readonly Promise<void>[] {
  const parts = partsOf(wait.objects, wait.connection.namespaces)
  if (parts.length === 0) wait.check()
  const followers = parts.map((part) => follow(wait, part, wait.catalog.preferred(part)))
  return wait.timeoutMs === 0 ? followers : [...followers, keepTime(wait), heedNewerCommits(wait), lookAtPods(wait)]
}

/** Keeps the board up to date about the objects of one kind. */
async function follow(wait: Wait, part: Part, resource: ResourceKind | undefined): Promise<void> {
  const { board, signal } = wait
  const { namespace } = part
  const outside = whyOutside(wait.connection, part)
  if (resource === undefined || outside !== undefined) {
    board.unreadable(part, outside ?? 'the cluster does not serve this kind')
    return wait.looked(part)
  }
  const version = await list(wait, part, resource, 'first')
  if (version === undefined || wait.timeoutMs === 0) return
  const broken = Promise.withResolvers<never>()
  const ended = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => ended.resolve(), { once: true })
  if (signal.aborted) return
  const leave = wait.feeds.follow({ resource, namespace, applySet: wait.applySet }, version, {
    changed(type, object) {
      if (type === 'deleted') board.gone(object)
      else board.saw(object, wait.connection.serverTime())
      wait.check()
    },
    mustList: () => void list(wait, part, resource, 'again').catch(broken.reject),
    failed: broken.reject,
  })
  try {
    await Promise.race([ended.promise, broken.promise])
  } finally {
    leave()
  }
}

/** Reads the objects of a kind, if need be again and again; undefined where that will never be possible. */
async function list(wait: Wait, part: Part, resource: ResourceKind, time: 'first' | 'again'): Promise<string | undefined> {
  const { board, connection, signal } = wait
  for (let first = time === 'first'; ; first = false) {
    const listed = await listObjects(connection, resource, `${PART_OF_LABEL}=${wait.applySet}`, signal, part.namespace)
    if ('objects' in listed) {
      for (const object of listed.objects) board.saw(object, connection.serverTime())
      // What was there a moment ago may be on its way back: somebody is replacing it. That it is gone takes two looks.
      if (first && wait.timeoutMs > 0 && board.misses(part)) {
        await pause(LIST_AGAIN_MS, signal)
        continue
      }
      wait.looked(part)
      return listed.resourceVersion
    }
    const final = !listed.retryable || wait.timeoutMs === 0
    // What was seen before stays until it is read again.
    if (final || time === 'first') board.unreadable(part, listed.refused)
    if (final) {
      wait.looked(part)
      return undefined
    }
    await pause(LIST_AGAIN_MS, signal)
  }
}

async function keepTime(wait: Wait): Promise<void> {
  for (;;) {
    await pause(TICK_MS, wait.signal)
    wait.board.tick(wait.connection.serverTime())
    wait.check()
  }
}

async function heedNewerCommits(wait: Wait): Promise<void> {
  for (;;) {
    if (await wait.superseded()) return wait.end('superseded')
    await pause(SUPERSEDED_EVERY_MS, wait.signal)
  }
}

/** Kubernetes itself gives a rollout ten minutes before it calls it failed; its Pods know at once. */
async function lookAtPods(wait: Wait): Promise<void> {
  const looks = new Map<string, Look>()
  for (;;) {
    const now = performance.now()
    const due = wait.board.pending().filter((object) => hasRollout(object) && isDue(looks, object, now))
    await Promise.all(due.map((workload) => lookAt(wait, workload)))
    if (due.length > 0) wait.check()
    await pause(TICK_MS, wait.signal)
  }
}

async function lookAt(wait: Wait, workload: LiveObject): Promise<void> {
  const trouble = await wait.troubleshooter.ofRollout(workload, wait)
  if (trouble !== undefined) wait.board.condemn(objectIdOf(workload), trouble, wait.connection.serverTime())
}

interface Look {
  readonly version: string | undefined
  readonly at: number
  readonly pauseMs: number
}

/** Notes when the Pods of a rollout are to be looked at next. */
function isDue(looks: Map<string, Look>, { metadata }: LiveObject, now: number): boolean {
  const key = `${metadata.namespace}/${metadata.name}/${metadata.uid}`
  const next = looks.get(key)
  const version = metadata.resourceVersion
  if (next?.version !== version) {
    const at = Math.min(next?.at ?? Infinity, now + LOOK_MS.first)
    looks.set(key, { version, at, pauseMs: LOOK_MS.first })
    return false
  }
  if (next === undefined || now < next.at) return false
  const pauseMs = Math.min(next.pauseMs * LOOK_MS.growth, LOOK_MS.most)
  looks.set(key, { version, at: now + pauseMs, pauseMs })
  return true
}

/** What failed by its own status (a deadline, a Job's attempts) says little: its Pods know why. */
async function explainFailures(wait: Wait): Promise<void> {
  const signal = AbortSignal.any([wait.signal, AbortSignal.timeout(EXPLAIN_MS)])
  const { board } = wait
  const untold = board.failed().filter((object) => hasPods(object) && !board.isExplained(objectIdOf(object)))
  await Promise.all(
    untold.slice(0, EXPLAINED).map(async (object) => {
      const trouble = await wait.troubleshooter.ofFailure(object, { ...wait, signal })
      if (trouble !== undefined) board.explain(objectIdOf(object), trouble)
    }),
  ).catch(() => wait.signal.throwIfAborted())
}

/** What must be read to know of all objects: each kind once, in each of their namespaces where only namespaces are granted. */
function partsOf(objects: readonly ObjectId[], namespaces: readonly string[] | undefined): readonly Part[] {
  const parts = objects.map(({ group, kind, namespace }) => ({ group, kind, namespace: namespaces === undefined ? '' : namespace }))
  return [...new Map(parts.map((part) => [partKey(part), part])).values()]
}

function partKey(part: Part): string {
  return `${groupKindKey(part)}@${part.namespace}`
}
