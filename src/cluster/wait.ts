import { setTimeout as delay } from 'node:timers/promises'
import type { KindCatalog, ResourceKind } from '../model/kinds.ts'
import { PART_OF_LABEL } from '../model/names.ts'
import { groupKindKey, objectIdOf, type GroupKind, type ObjectId } from '../model/object.ts'
import type { HealthReport } from '../sync/ports.ts'
import type { ClusterConnection } from './connect.ts'
import { createHealthBoard, type HealthBoard } from './health-board.ts'
import { listObjects } from './list.ts'
import { collectionPath } from './paths.ts'
import { hasRollout, rolloutTrouble } from './rollout-trouble.ts'
import { watchCollection } from './watch.ts'

export interface WaitOptions {
  readonly connection: ClusterConnection
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
}

const SUPERSEDED_EVERY_MS = 1000
const TICK_MS = 250
const LIST_AGAIN_MS = 1000
const PODS_EVERY_MS = 2000
/** Workloads whose Pods are looked at in one round. */
const PODS_ROUND = 20

/** What the parts of one wait share. Its signal ends with the wait. */
interface Wait extends WaitOptions {
  readonly board: HealthBoard
  /** A kind has been read for the first time, or never will be. */
  readonly looked: (kind: GroupKind) => void
  /** The board changed: perhaps that was all. */
  readonly check: () => void
  readonly end: (how: HealthReport['ended']) => void
}

/**
 * Waits until every object is current, one has failed, the time is over, or a newer commit makes it pointless: one LIST per
 * kind, then a watch. A rollout whose new Pods cannot come up fails at once, with their
 * reason. Throws the signal's reason when aborted; a server that cannot be reached is waited for like everything else.
 */
export async function waitForHealth(options: WaitOptions): Promise<HealthReport> {
  options.signal.throwIfAborted()
  const ended = Promise.withResolvers<HealthReport['ended']>()
  const stop = new AbortController()
  const abort = (): void => ended.reject(options.signal.reason)
  options.signal.addEventListener('abort', abort, { once: true })
  // Looking once has the patience of its requests; a wait has a deadline of its own.
  const timer = options.timeoutMs === 0 ? undefined : setTimeout(ended.resolve, options.timeoutMs, 'timeout')
  const wait = prepare(options, AbortSignal.any([options.signal, stop.signal]), ended.resolve)
  const tasks = start(wait)
  for (const task of tasks) task.catch(ended.reject)
  try {
    return wait.board.report(await ended.promise)
  } finally {
    clearTimeout(timer)
    options.signal.removeEventListener('abort', abort)
    stop.abort()
    await Promise.allSettled(tasks)
  }
}

function prepare(options: WaitOptions, signal: AbortSignal, end: Wait['end']): Wait {
  const board = createHealthBoard(options.objects)
  const unseen = new Set(kindsOf(options.objects).map(groupKindKey))
  const check = (): void => {
    if (unseen.size > 0) return
    if (board.settled(options.connection.serverTime())) end('settled')
    else if (options.timeoutMs === 0) end('timeout')
  }
  const looked = (kind: GroupKind): void => {
    unseen.delete(groupKindKey(kind))
    check()
  }
  return { ...options, signal, board, check, looked, end }
}

function start(wait: Wait): readonly Promise<void>[] {
  const kinds = kindsOf(wait.objects)
  if (kinds.length === 0) wait.check()
  const followers = kinds.map((kind) => follow(wait, kind, wait.catalog.preferred(kind)))
  return wait.timeoutMs === 0 ? followers : [...followers, keepTime(wait), heedNewerCommits(wait), lookAtPods(wait)]
}

/** Keeps the board up to date about one kind. */
async function follow(wait: Wait, kind: GroupKind, resource: ResourceKind | undefined): Promise<void> {
  const { board, connection, signal } = wait
  if (resource === undefined) {
    board.unreadable(kind, 'the cluster does not serve this kind')
    return wait.looked(kind)
  }
  const labelSelector = `${PART_OF_LABEL}=${wait.applySet}`
  for (let seen = false; ;) {
    const listed = await listObjects(connection, resource, labelSelector, signal)
    if ('refused' in listed) {
      const final = !listed.retryable || wait.timeoutMs === 0
      // What was seen before stays until it is read again.
      if (final || !seen) board.unreadable(kind, listed.refused)
      if (final) return wait.looked(kind)
    } else {
      for (const object of listed.objects) board.saw(object, connection.serverTime())
      seen = true
      wait.looked(kind)
      if (wait.timeoutMs === 0) return
      await watch(wait, resource, labelSelector, listed.resourceVersion)
    }
    await pause(LIST_AGAIN_MS, signal)
  }
}

/** Ends when the history is lost and a LIST must tell again. */
async function watch(wait: Wait, resource: ResourceKind, labelSelector: string, resourceVersion: string): Promise<void> {
  const { board, connection, signal } = wait
  for await (const event of watchCollection({
    connection,
    path: collectionPath(resource),
    query: { labelSelector },
    resourceVersion,
    signal,
  })) {
    switch (event.type) {
      case 'added':
      case 'modified':
        board.saw(event.object, connection.serverTime())
        break
      case 'deleted':
        board.gone(event.object)
        break
      case 'bookmark':
      case 'restart':
        break
    }
    wait.check()
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
  const { board, connection, signal } = wait
  for (let first = 0; ; first += PODS_ROUND) {
    await pause(PODS_EVERY_MS, signal)
    const rollouts = board.pending().filter(hasRollout)
    // With more of them than fit into a round, each gets its turn.
    const from = rollouts.length === 0 ? 0 : first % (Math.ceil(rollouts.length / PODS_ROUND) * PODS_ROUND)
    for (const workload of rollouts.slice(from, from + PODS_ROUND)) {
      const trouble = await rolloutTrouble(connection, workload, signal)
      if (trouble !== undefined) board.condemn(objectIdOf(workload), trouble, connection.serverTime())
    }
    wait.check()
  }
}

function kindsOf(objects: readonly ObjectId[]): readonly GroupKind[] {
  return [...new Map(objects.map(({ group, kind }) => [groupKindKey({ group, kind }), { group, kind }])).values()]
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => signal.throwIfAborted())
}
