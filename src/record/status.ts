import type { Application } from '../model/configuration.ts'
import type { ApplicationStatus, Queued, QueuePlace, SyncResult, WaitsFor } from '../model/result.ts'
import type { ObjectHealth } from '../model/health.ts'
import { pinned, suspended } from '../model/standing.ts'
import type { StoredPieces } from './decode.ts'

/** What the queue remembers of an application, as the status needs it. */
export interface QueueFacts {
  readonly want: number
  readonly done: number
  /** Highest ticket that a failure has answered so far. */
  readonly failed: number
  readonly running: boolean
  /** When the oldest commit without an answer was announced; 0 for none. */
  readonly openSince: number
  /** When what has failed is tried again; 0 for at once. */
  readonly notBefore: number
  readonly attempts: number
  readonly place: QueuePlace | undefined
}

export const QUEUE_FIELDS = ['want', 'done', 'failed', 'running', 'openSince', 'notBefore', 'attempts'] as const

/** From the fields of the application's hash, in the order of QUEUE_FIELDS. */
export function queueFacts(fields: readonly (string | null)[], place: QueuePlace | undefined): QueueFacts {
  const [want, done, failed, running, openSince, notBefore, attempts] = fields
  return {
    want: Number(want ?? 0),
    done: Number(done ?? 0),
    failed: Number(failed ?? 0),
    running: typeof running === 'string',
    openSince: Number(openSince ?? 0),
    notBefore: Number(notBefore ?? 0),
    attempts: Number(attempts ?? 0),
    place,
  }
}

interface Known {
  readonly application: Application
  readonly queue: QueueFacts
  readonly pieces: StoredPieces
  readonly lastResult: SyncResult | undefined
}

/** Puts together what configuration, queue, cluster and history say of one application. */
export function statusOf(known: Known): ApplicationStatus {
  const { application, queue, pieces, lastResult } = known
  const { name, source, destination } = application
  const unappliedSince = unappliedSinceOf(known)
  const stop = suspended(application, pieces.standing)
  const pin = pinned(pieces.standing)
  const waiting = waitsFor(known)
  const queued = queuedFor(known)
  const unhealthy = unhealthyOf(known)
  return {
    application: name,
    cluster: destination.cluster,
    namespace: destination.namespace,
    ...source,
    ...(pieces.head && { head: pieces.head }),
    ...(pieces.applied && { applied: pieces.applied }),
    sync: syncStateOf(known),
    health: pieces.health ?? lastResult?.health.status ?? 'unknown',
    ...(unhealthy.length > 0 && { unhealthy }),
    ...(stop && { suspended: stop }),
    ...(pin && { pinned: pin }),
    ...(waiting && { waiting }),
    ...(pieces.pollFails && { pollFails: pieces.pollFails }),
    ...(queued && { queue: queued }),
    drift: pieces.drift ?? [],
    ...(lastResult && { lastResult }),
    wanted: queue.want,
    done: queue.done,
    ...(unappliedSince !== undefined && { unappliedSince }),
  }
}

/** A worker that does not publish it yet has said it in its last result. */
function unhealthyOf({ pieces, lastResult }: Known): readonly ObjectHealth[] {
  return pieces.unhealthy ?? lastResult?.health.objects.filter(({ status }) => status !== 'current') ?? []
}

function syncStateOf(known: Known): ApplicationStatus['sync'] {
  const { application, queue, pieces, lastResult } = known
  if (queue.running) return 'syncing'
  if (suspended(application, pieces.standing) !== undefined) return 'suspended'
  if (waitsFor(known) !== undefined) return 'waiting'
  if (queue.want > Math.max(queue.done, queue.failed)) return 'queued'
  const behind = isBehind(pieces) || (pieces.drift ?? []).length > 0
  switch (lastResult?.outcome) {
    case 'failed':
      return 'failed'
    case 'held':
      return 'held'
    case 'superseded':
    case 'waiting':
      return 'queued'
    case 'drifted':
    case 'suspended':
    case 'synced':
    case 'not affected':
      return behind ? 'out of sync' : 'synced'
    case undefined:
      // After FLUSHALL: what the sweep restored from the inventories.
      if (pieces.applied === undefined) return 'unknown'
      return behind ? 'out of sync' : 'synced'
  }
}

/** What the newest ticket waits for, where the newest run has said so. */
function waitsFor({ queue, pieces, lastResult }: Known): WaitsFor | undefined {
  if (lastResult?.waiting === undefined || lastResult.seen < queue.want || queue.want <= queue.done) return undefined
  // Published anew when the reason changes, while the run stays as it was.
  return pieces.waiting ?? lastResult.waiting
}

/** Why the newest ticket has no answer yet, where nothing runs and nothing else is said to be waited for. */
function queuedFor(known: Known): Queued | undefined {
  const { running, want, done, notBefore, attempts, place } = known.queue
  if (running || want <= done || waitsFor(known) !== undefined) return undefined
  if (place) return { for: 'turn', why: whyInLine(place), place }
  if (notBefore === 0) return { for: 'turn', why: 'it is about to stand in line' }
  if (known.lastResult?.problem?.code !== 'worker-crashed')
    return { for: 'retry', why: `it is tried again, after ${attempts} ${attempts === 1 ? 'failure' : 'failures'}`, until: notBefore }
  return {
    for: 'quarantine',
    why: 'workers crashed or hung over it again and again, so it is left alone; a new commit or a sync by hand releases it',
    until: notBefore,
  }
}

function whyInLine({ position }: QueuePlace): string {
  if (position === 1) return 'it is next'
  return position === 2 ? '1 is before it' : `${position - 1} are before it`
}

/** What was rolled back is waited for by nobody. */
function isQuarantined({ head, standing: { pin } }: StoredPieces): boolean {
  return pin?.active === true && head !== undefined && pin.bad.includes(head.revision)
}

function isBehind(pieces: StoredPieces): boolean {
  const { head, applied } = pieces
  if (isQuarantined(pieces)) return false
  return head !== undefined && applied !== undefined && head.revision !== applied.revision && head.seenAt >= applied.at
}

/** A commit is announced by a push, or seen as a head; the older of the two is what people wait for. */
function unappliedSinceOf({ queue, pieces }: Known): number | undefined {
  const announced = queue.want > queue.done && queue.openSince > 0 ? [queue.openSince] : []
  const { head, applied } = pieces
  const seen = head && head.revision !== applied?.revision && !isQuarantined(pieces) ? [head.seenAt] : []
  const times = [...announced, ...seen]
  return times.length === 0 ? undefined : Math.min(...times)
}
