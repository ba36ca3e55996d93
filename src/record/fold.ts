import { setTimeout as sleep } from 'node:timers/promises'
import type { ChainableCommander, Redis } from 'ioredis'
import type { Log } from '../model/log.ts'
import { isFinal } from '../model/answer.ts'
import { clusterKeys, receiverKeys } from '../model/keys.ts'
import type { SyncResult } from '../model/result.ts'
import type { Audit } from './audit/audit.ts'
import { syncEvent } from './audit/sync-event.ts'
import { indexCommit } from './commits/commits.ts'
import { answerFrom, decodeResult } from './decode.ts'
import { isIdleLook, REPLACE_IDLE } from './idle-look.ts'

/** How much of an application's past is kept. */
export interface Retention {
  readonly results: number
  /** 0 keeps them until `results`. */
  readonly ageMs: number
}

/** Results as they come in, in the order in which each cluster recorded them. */
export interface Fold {
  /** Calls back with every result from now on; returns what ends that. */
  onResult(listener: (result: SyncResult) => void): () => void
  close(): Promise<void>
}

export interface FoldOptions {
  /** For writing. */
  readonly redis: Redis
  /** A connection of its own: it blocks. */
  readonly blocking: Redis
  /** The clusters as of now. */
  readonly clusters: () => readonly string[]
  readonly retention: Retention
  /** Where every result is written down, once. */
  readonly audit: Pick<Audit, 'recordFrom'>
  readonly log: Log
}

const BLOCK_MS = 1_000
const BATCH = 100
const RETRY_MS = 1_000
/** Other replicas of the serve role read the same streams: leave them what is recent. */
const TRIM_AFTER_MS = 600_000
const ANSWERS_KEPT = 2_000
const ANSWERS_AGE_MS = 80 * 3_600_000

/**
 * Carries outcomes from the workers' streams into history and answers. Every replica of the serve role folds everything: writing the same
 * result twice changes nothing, so a crash between two steps needs no repair.
 */
export function startFold(options: FoldOptions): Fold {
  const { log } = options
  const listeners = new Set<(result: SyncResult) => void>()
  const stop = new AbortController()
  const cursors = new Map<string, string>()
  const loop = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        await foldOnce(options, cursors, (result) => {
          for (const listener of listeners) listener(result)
        })
      } catch (error) {
        if (stop.signal.aborted) return
        log.debug({ problem: String(error) }, 'outcomes wait for Redis')
        await sleep(RETRY_MS, undefined, { signal: stop.signal }).catch(() => undefined)
      }
    }
  }
  const done = loop()
  return {
    onResult: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    close: async () => {
      stop.abort()
      options.blocking.disconnect()
      await done
    },
  }
}

async function foldOnce(options: FoldOptions, cursors: Map<string, string>, tell: (result: SyncResult) => void): Promise<void> {
  const clusters = options.clusters()
  if (clusters.length === 0) return sleep(BLOCK_MS)
  for (const cluster of clusters) {
    if (!cursors.has(cluster)) cursors.set(cluster, (await options.redis.hget(receiverKeys.cursors, cluster)) ?? '0-0')
  }
  const streams = clusters.map((cluster) => clusterKeys(cluster).outcomes)
  const positions = clusters.map((cluster) => cursors.get(cluster) ?? '0-0')
  const reply = await options.blocking.xread('COUNT', BATCH, 'BLOCK', BLOCK_MS, 'STREAMS', ...streams, ...positions)
  if (!reply) return notice(options, cursors)
  for (const [stream, entries] of reply) {
    const cluster = clusters[streams.indexOf(String(stream))]
    const last = entries.at(-1)?.[0]
    if (cluster === undefined || last === undefined) continue
    const found = entries.flatMap(([position, fields]) => {
      const result = decodeResult(fields[1] ?? '')
      return result ? [{ position: String(position), result }] : []
    })
    const results = found.map(({ result }) => result)
    const events = found.flatMap(({ position, result }) => (isIdleLook(result) ? [] : [{ position, event: syncEvent(result) }]))
    // First, because the cursor moves with the rest: what is not in the audit log is read again.
    if (events.length > 0) await options.audit.recordFrom({ name: cluster, events })
    await store(options, cluster, String(last), results)
    cursors.set(cluster, String(last))
    for (const result of results) tell(result)
  }
}

/** One pipeline, no transaction: each command may be repeated, and the cursor is written last. */
async function store({ redis, retention }: FoldOptions, cluster: string, cursor: string, results: readonly SyncResult[]): Promise<void> {
  const writes = redis.pipeline()
  for (const result of results) {
    const history = receiverKeys.history(result.application)
    addToHistory(writes, result)
    writes.zremrangebyrank(history, 0, -retention.results - 1)
    if (retention.ageMs > 0) {
      writes.zremrangebyscore(history, '-inf', Date.now() - retention.ageMs)
      writes.pexpire(history, retention.ageMs)
    } else writes.persist(history)
    indexCommit(writes, result, retention.ageMs)
    if (!isFinal(result)) continue
    const answers = receiverKeys.answers(result.cluster, result.application)
    writes.zremrangebyscore(answers, result.seen, result.seen)
    writes.zadd(answers, result.seen, JSON.stringify(answerFrom(result)))
    writes.zremrangebyrank(answers, 0, -ANSWERS_KEPT - 1)
    writes.pexpire(answers, ANSWERS_AGE_MS)
  }
  writes.hset(receiverKeys.cursors, cluster, cursor)
  writes.xtrim(clusterKeys(cluster).outcomes, 'MINID', '~', Math.min(Number.parseInt(cursor, 10), Date.now() - TRIM_AFTER_MS))
  const failed = (await writes.exec())?.find(([error]) => error)?.[0]
  if (failed) throw failed
}

/** A look that finds nothing takes the place of one right before it: some objects move all the time, and would wash what was done out of the history. */
function addToHistory(writes: ChainableCommander, result: SyncResult): void {
  const [history, idle] = [receiverKeys.history(result.application), receiverKeys.idleLook(result.application)]
  const text = JSON.stringify(result)
  if (isIdleLook(result)) writes.eval(REPLACE_IDLE, 2, history, idle, text, result.finishedAt)
  else writes.del(idle)
  writes.zadd(history, result.finishedAt, text)
}

/** After FLUSHALL under a clock that was set back, new entries have smaller ids than the cursor: begin again. */
async function notice({ redis, clusters }: FoldOptions, cursors: Map<string, string>): Promise<void> {
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
