import type { Redis } from '../model/redis.ts'
import type { Target } from '../model/intake.ts'
import type { Ticket, Trigger } from '../model/job.ts'
import { clusterKeys, receiverKeys } from '../model/keys.ts'
import { type Batched, createBatch } from './batch.ts'
import type { Move, Passing } from './passing.ts'
import { CLASS } from './priority.ts'
import { ACCEPT, RECORD } from './scripts/accept.ts'
import { runScript } from './scripts/script.ts'

/** How long a delivery id is remembered, and how many at most. */
export interface Retention {
  readonly ageMs: number
  readonly deliveries: number
}

/** What is asked of one cluster; the mark is '' for what no delivery asked for. */
export interface Request {
  readonly mark: string
  readonly targets: readonly Target[]
  readonly trigger: Trigger
  /** The push that asks, and whom it touches nothing of: they are answered at once, where that still holds when it is written down. */
  readonly move?: Move
  readonly passing?: ReadonlyMap<string, Passing>
}

/** What one application was given, and what its queue still needs. */
export interface Taken {
  readonly known: boolean
  readonly ticket: Ticket
  readonly action: 'add' | 'raise' | 'none' | 'passed'
  readonly waiting: number
}

/** Writes down what is asked of one cluster. */
export type Door = Batched<Request, readonly Taken[]>

const TRIGGERS_KEPT = 100
const OUTCOMES_KEPT = 5_000
// A script holds up everything else in Redis: 64 take about 2 ms.
const BATCH = { most: 64, alone: isReplyError }

/** One script for all that comes in one turn of the event loop: most of what a delivery costs is the way to Redis. */
export function openDoor(redis: Redis, cluster: string, retention: Retention): Door {
  const { prefix, deliveries, deliveryOrder } = clusterKeys(cluster)
  return createBatch(async (requests) => {
    const args: (string | number)[] = [prefix, retention.ageMs, retention.deliveries, TRIGGERS_KEPT, OUTCOMES_KEPT]
    for (const request of requests) pushRequest(args, request)
    const reply = rowsOf(await runScript(redis, ACCEPT, [deliveries, deliveryOrder], args))
    return requests.map(({ targets }, index) => decodeTaken(reply[index], targets))
  }, BATCH)
}

/** Writes down deliveries for the ledger; the answer says whether this one was known. */
export function openRecord(
  redis: Redis,
  retention: Retention,
): Batched<{ readonly id: string; readonly name: string; readonly text: string }, boolean> {
  const prefix = receiverKeys.delivery('')
  return createBatch(async (deliveries) => {
    const args: (string | number)[] = [prefix, retention.ageMs, retention.deliveries]
    for (const { id, name, text } of deliveries) args.push(id, name, text)
    const known = rowsOf(await runScript(redis, RECORD, [receiverKeys.deliveryOrder], args))
    return known.map((one) => one === 1)
  }, BATCH)
}

function pushRequest(args: (string | number)[], { mark, targets, trigger, move, passing }: Request): void {
  // A sweep is no news about the commit: it must not restart the retries of one that fails.
  const isNews = trigger.reason !== 'drift' && trigger.reason !== 'retry'
  const bringsCommit = trigger.reason === 'push' || trigger.reason === 'poll' || trigger.reason === 'dependency'
  args.push(
    mark,
    CLASS[trigger.reason],
    isNews ? 1 : 0,
    bringsCommit ? 1 : 0,
    JSON.stringify(trigger),
    move ? `${move.before} ${move.after} ${move.ref}` : '',
    targets.length,
  )
  for (const { application, repository } of targets) args.push(application, repository, encodePassing(passing?.get(application)))
}

/** The words that must still stand, then the result, which lacks its times and its ticket. */
function encodePassing(passing: Passing | undefined): string {
  return passing === undefined ? '' : `${passing.readAt}\n${JSON.stringify(passing.result)}`
}

function decodeTaken(reply: unknown, targets: readonly Target[]): readonly Taken[] {
  const rows = rowsOf(reply)
  return targets.map(({ application, cluster }, index) => {
    const row: unknown = rows[index]
    if (!Array.isArray(row)) throw new TypeError('Redis answered with fewer tickets than applications')
    const action = row[2] === 'add' || row[2] === 'raise' || row[2] === 'passed' ? row[2] : 'none'
    return {
      known: row[0] === 1,
      ticket: { application, cluster, wanted: Number(row[1]) },
      action,
      waiting: Number(row[3]),
    }
  })
}

function rowsOf(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : []
}

/** Redis answers, and refuses: that is about what was sent. A connection that fails is about nobody. */
function isReplyError(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError'
}
