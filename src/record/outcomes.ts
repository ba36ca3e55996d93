import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../model/log.ts'
import { clusterKeys, receiverKeys } from '../model/keys.ts'
import type { Redis } from '../model/redis.ts'
import type { SyncResult } from '../model/result.ts'
import { decodeResult } from './decode.ts'

/** An entry of a cluster's stream. */
export interface Outcome {
  readonly position: string
  /** Undefined where another version wrote what this one cannot read. */
  readonly result: SyncResult | undefined
}

export interface ReadOptions {
  readonly redis: Redis
  /** Opens a connection that reading may block. */
  readonly blocking: () => Redis
  /** The clusters as of now. */
  readonly clusters: () => readonly string[]
  /** Takes what a cluster recorded, in its order; where it rejects, the same is read again. */
  readonly take: (cluster: string, outcomes: readonly Outcome[]) => Promise<void>
  readonly log: Log
}

const BLOCK_MS = 1_000
const BATCH = 100
const RETRY_MS = 1_000
const GOODBYE_MS = 3_000

/**
 * Reads the streams of all clusters: together from one Redis; from a Redis Cluster each by itself, for they are on several nodes, and one that
 * is away must hold up no other.
 */
export function readOutcomes(options: ReadOptions): { close(): Promise<void> } {
  const { redis, clusters } = options
  const stop = new AbortController()
  const done = redis.isCluster ? readEach(options, stop.signal) : readUntil(stop.signal, options, clusters)
  return {
    close: async () => {
      stop.abort()
      // While all of a Redis Cluster is away, a client that ends settles none of its commands.
      await Promise.race([done, sleep(GOODBYE_MS, undefined, { ref: false })])
    },
  }
}

/** A reader for each cluster, as they come and go. */
async function readEach(options: ReadOptions, signal: AbortSignal): Promise<void> {
  const readers = new Map<string, { readonly leave: AbortController; readonly done: Promise<void> }>()
  while (!signal.aborted) {
    const wanted = new Set(options.clusters())
    for (const cluster of wanted) {
      if (readers.has(cluster)) continue
      const leave = new AbortController()
      const done = readUntil(AbortSignal.any([signal, leave.signal]), options, () => [cluster])
      readers.set(cluster, { leave, done })
    }
    for (const [cluster, { leave }] of readers) {
      if (wanted.has(cluster)) continue
      leave.abort()
      readers.delete(cluster)
    }
    await pause(BLOCK_MS, signal)
  }
  await Promise.all([...readers.values()].map(async ({ done }) => done))
}

/** Reads these clusters on a connection of its own. */
async function readUntil(signal: AbortSignal, options: ReadOptions, clusters: () => readonly string[]): Promise<void> {
  const blocking = options.blocking()
  const end = (): void => blocking.disconnect()
  signal.addEventListener('abort', end, { once: true })
  const cursors = new Map<string, string>()
  while (!signal.aborted) {
    try {
      await readOnce({ ...options, clusters }, blocking, cursors, signal)
    } catch (error) {
      if (signal.aborted) return
      options.log.debug({ problem: String(error) }, 'outcomes wait for Redis')
      await pause(RETRY_MS, signal)
    }
  }
}

async function readOnce(options: ReadOptions, blocking: Redis, cursors: Map<string, string>, signal: AbortSignal): Promise<void> {
  const clusters = options.clusters()
  if (clusters.length === 0) return pause(BLOCK_MS, signal)
  for (const cluster of clusters) {
    if (!cursors.has(cluster)) cursors.set(cluster, (await options.redis.hget(receiverKeys.cursors, cluster)) ?? '0-0')
  }
  const streams = clusters.map((cluster) => clusterKeys(cluster).outcomes)
  const positions = clusters.map((cluster) => cursors.get(cluster) ?? '0-0')
  const reply = await blocking.xread('COUNT', BATCH, 'BLOCK', BLOCK_MS, 'STREAMS', ...streams, ...positions)
  if (!reply) return notice(options, cursors)
  for (const [stream, entries] of reply) {
    const cluster = clusters[streams.indexOf(String(stream))]
    const last = entries.at(-1)?.[0]
    if (cluster === undefined || last === undefined) continue
    const outcomes = entries.map(([position, fields]) => ({ position: String(position), result: decodeResult(fields[1] ?? '') }))
    await options.take(cluster, outcomes)
    cursors.set(cluster, String(last))
  }
}

/** After FLUSHALL under a clock that was set back, new entries have smaller ids than the cursor: begin again. */
async function notice({ redis, clusters }: ReadOptions, cursors: Map<string, string>): Promise<void> {
  for (const cluster of clusters()) {
    const newest = (await redis.xrevrange(clusterKeys(cluster).outcomes, '+', '-', 'COUNT', 1))[0]?.[0]
    if (newest !== undefined && isBefore(String(newest), cursors.get(cluster) ?? '0-0')) cursors.set(cluster, '0-0')
  }
}

function isBefore(left: string, right: string): boolean {
  const [leftMs = 0, leftCount = 0] = left.split('-').map(Number)
  const [rightMs = 0, rightCount = 0] = right.split('-').map(Number)
  return leftMs < rightMs || (leftMs === rightMs && leftCount < rightCount)
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => undefined)
}
