import { problemOf, type Problem } from '../model/error.ts'
import type { HealthStatus } from '../model/health.ts'
import type { SyncJob } from '../model/job.ts'
import { displayName } from '../model/object.ts'
import { CHANGE_ACTIONS, type Change, type ChangeAction, type PlannedChange } from '../model/plan.ts'
import type { SyncOutcome, SyncResult, WaitsFor } from '../model/result.ts'
import type { Withheld } from '../plan/withheld.ts'
import type { HealthReport } from './ports.ts'
import type { Stopped } from './waves.ts'

/** What is known so far of a sync or a plan, whatever stops it. */
export interface Progress {
  revision: string | undefined
  rendered: string | undefined
  changes: readonly PlannedChange[]
  warnings: readonly string[]
  /** Digest of the held prunes. */
  plan: string | undefined
  /** Milliseconds per stage. */
  readonly timings: Readonly<Record<string, number>>
  /** Runs a stage and adds its duration to the timings. */
  time<T>(stage: string, work: () => Promise<T>): Promise<T>
}

export function openProgress(): Progress {
  const timings: Record<string, number> = {}
  return {
    revision: undefined,
    rendered: undefined,
    changes: [],
    warnings: [],
    plan: undefined,
    timings,
    async time(stage, work) {
      const from = performance.now()
      try {
        return await work()
      } finally {
        timings[stage] = Math.round((timings[stage] ?? 0) + performance.now() - from)
      }
    },
  }
}

/** The bookkeeping of one sync: what becomes its result. */
export interface Run extends Progress {
  /** What every message of this run begins with. */
  note: string | undefined
  /** The branch's head, where another commit stands in its place. */
  head: string | undefined
  health: { readonly status: HealthStatus; readonly objects: HealthReport['objects'] }
  end(outcome: SyncOutcome, message: string, problem?: Problem): SyncResult
  /** The result of a sync that ends with its plan. */
  withheld(stop: Withheld): SyncResult
  /** The result of a sync that other applications keep from its commit. */
  waitsFor(waiting: WaitsFor | undefined): SyncResult
  /** The result of a sync that an error has stopped. */
  stopped(error: unknown): SyncResult
  /** The result of a sync that could not go on, although no object was refused. */
  stoppedBy(stopped: Stopped): SyncResult
}

/** Which application a run is about: of one that left the configuration no more is known. */
export interface Named {
  readonly name: string
  readonly destination: { readonly cluster: string }
}

export function openRun(
  job: Pick<SyncJob, 'reason' | 'triggers' | 'seen'>,
  application: Named,
  health: HealthStatus,
  now: () => number,
): Run {
  const startedAt = now()
  const run: Run = {
    ...openProgress(),
    health: { status: health, objects: [] },
    note: undefined,
    head: undefined,

    end(outcome, message, problem) {
      return {
        schema: 1,
        application: application.name,
        cluster: application.destination.cluster,
        reason: job.reason,
        triggers: job.triggers,
        seen: job.seen,
        revision: run.revision,
        ...(run.head !== undefined && { head: run.head }),
        rendered: run.rendered,
        outcome,
        message: run.note === undefined ? message : `${run.note}; ${message}`,
        ...(problem && { problem }),
        changes: run.changes.filter(({ action }) => action !== 'unchanged').map(publicChange),
        counts: countActions(run.changes),
        warnings: run.warnings,
        health: run.health,
        ...(run.plan !== undefined && { plan: run.plan }),
        startedAt,
        finishedAt: now(),
        timings: run.timings,
      }
    },

    withheld({ outcome, message, waiting }) {
      return { ...run.end(outcome, `${message}; it would be ${summarise(run.changes)}`), ...(waiting && { waiting }) }
    },

    waitsFor(waiting) {
      const [first, ...others] = waiting?.blockedBy ?? []
      const more = others.length === 0 ? '' : `, and ${others.length} more`
      const message = first === undefined ? 'waits for other applications' : `waits for ${first.application}, which ${first.why}${more}`
      return { ...run.end('waiting', message), ...(waiting && { waiting }) }
    },

    stopped(error) {
      const problem = problemOf(error)
      const held = error instanceof Error && 'held' in error && error.held === true
      return run.end(held ? 'held' : 'failed', problem.message, problem)
    },

    stoppedBy({ problem, health }) {
      if (health !== undefined) run.health = health
      return run.end('failed', problem.message, problem)
    },
  }
  return run
}

/** A change as it is stored and shown: without the manifest that would be sent. */
export function publicChange({
  operation: _operation,
  sent: _sent,
  moved: _moved,
  deferred: _deferred,
  leaving: _leaving,
  blocked: _blocked,
  ...change
}: PlannedChange): Change {
  return change
}

export function countActions(changes: readonly Change[]): SyncResult['counts'] {
  const counts: Partial<Record<ChangeAction, number>> = {}
  for (const action of CHANGE_ACTIONS) {
    const count = changes.filter((change) => change.action === action).length
    if (count > 0) counts[action] = count
  }
  return counts
}

/** One sentence: `2 created, 1 configured, 40 unchanged`. */
export function summarise(changes: readonly Change[]): string {
  const counts = Object.entries(countActions(changes))
  return counts.length === 0 ? 'nothing to do: no objects' : counts.map(([action, count]) => `${count} ${action}`).join(', ')
}

/** The problem behind failed changes: all of them in one report. */
export function problemOfChanges(code: string, failed: readonly Change[]): Problem {
  const lines = failed.map(({ object, reason }) => `${displayName(object)}: ${reason}`)
  const first = failed[0]
  return {
    code,
    message: lines.join('\n'),
    fix: first?.fix ?? 'Correct the manifests in Git.',
    retryable: failed.every(({ retryable }) => retryable === true),
    ...(first && { object: first.object }),
    ...(first?.origin && { origin: first.origin }),
  }
}
