import type { ChainableCommander } from 'ioredis'
import type { Redis } from '../model/redis.ts'
import type { Log } from '../model/log.ts'
import { isFinal } from '../model/answer.ts'
import { clusterKeys, receiverKeys } from '../model/keys.ts'
import type { SyncResult } from '../model/result.ts'
import type { Audit } from './audit/audit.ts'
import { syncEvent } from './audit/sync-event.ts'
import { indexCommit } from './commits/commits.ts'
import { answerFrom } from './decode.ts'
import { type Outcome, readOutcomes } from './outcomes.ts'
import { isIdleLook, quietKind, REPLACE_QUIET } from './quiet.ts'

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
  /** Opens a connection that reading may block. */
  readonly blocking: () => Redis
  /** The clusters as of now. */
  readonly clusters: () => readonly string[]
  readonly retention: Retention
  /** Where every result is written down, once. */
  readonly audit: Pick<Audit, 'recordFrom'>
  readonly log: Log
}

/** Other replicas of the serve role read the same streams: leave them what is recent. */
const TRIM_AFTER_MS = 600_000
const ANSWERS_KEPT = 2_000
const ANSWERS_AGE_MS = 80 * 3_600_000

/**
 * Carries outcomes from the workers' streams into history and answers. Every replica of the serve role folds everything: writing the same
 * result twice changes nothing, so a crash between two steps needs no repair.
 */
export function startFold(options: FoldOptions): Fold {
  const listeners = new Set<(result: SyncResult) => void>()
  const reading = readOutcomes({
    ...options,
    take: async (cluster, outcomes) => {
      await fold(options, cluster, outcomes)
      for (const { result } of outcomes) if (result) for (const listener of listeners) listener(result)
    },
  })
  return {
    onResult: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    close: reading.close,
  }
}

async function fold(options: FoldOptions, cluster: string, outcomes: readonly Outcome[]): Promise<void> {
  const last = outcomes.at(-1)?.position
  if (last === undefined) return
  const events = outcomes.flatMap(({ position, result }) =>
    result === undefined || isIdleLook(result) ? [] : [{ position, event: syncEvent(result) }],
  )
  // First, because the cursor moves with the rest: what is not in the audit log is read again.
  if (events.length > 0) await options.audit.recordFrom({ name: cluster, events })
  await store(
    options,
    cluster,
    last,
    outcomes.flatMap(({ result }) => result ?? []),
  )
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
  const failed = (await writes.exec())?.find(([error]) => error)?.[0]
  if (failed) throw failed
  // By itself, for the stream may be on another node of a Redis Cluster. Where it fails, the next one trims.
  const oldest = Math.min(Number.parseInt(cursor, 10), Date.now() - TRIM_AFTER_MS)
  await redis.xtrim(clusterKeys(cluster).outcomes, 'MINID', '~', oldest).catch(() => 0)
}

/**
 * What did nothing takes the place of the one of its kind before it, as long as nothing was done in between: some objects move all the time, and
 * most commits of a large repository concern other applications; both would wash what was done out of the history.
 */
function addToHistory(writes: ChainableCommander, result: SyncResult): void {
  const { application, finishedAt } = result
  const [history, text] = [receiverKeys.history(application), JSON.stringify(result)]
  const quiet = { idle: receiverKeys.idleLook(application), unaffected: receiverKeys.unaffected(application) }
  const kind = quietKind(result)
  if (kind === undefined) writes.del(quiet.idle, quiet.unaffected)
  else writes.eval(REPLACE_QUIET, 2, history, quiet[kind], text, finishedAt)
  writes.zadd(history, finishedAt, text)
}
