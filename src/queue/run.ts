import type { Redis } from '../model/redis.ts'
import { answerOf } from '../model/answer.ts'
import { problemOf, GitwakeError, type Problem } from '../model/error.ts'
import type { RetryPolicy } from '../model/configuration.ts'
import type { SyncJob, Trigger } from '../model/job.ts'
import type { SyncResult } from '../model/result.ts'
import { type Backoff, backoffOf, delayAfter, givenUp } from './backoff.ts'
import type { Jobs } from './jobs.ts'
import { beginRun, finishRun, isSuperseded, withAnswered, type Run, type RunEnd } from './state.ts'

/** How a sync learns that it should stop. */
export interface RunControl {
  /** Aborted when the worker shuts down or has lost the job to another: issue no further request. */
  readonly signal: AbortSignal
  /** Whether a newer ticket waits that brings news (any does, where nothing is said): ask at stage boundaries and each second of a wait. Never throws. */
  superseded(isNews?: (trigger: Trigger) => boolean): Promise<boolean>
}

/** One run of the pipeline. What it throws becomes a failed (or held) result. */
export type RunSync = (job: SyncJob, control: RunControl) => Promise<SyncResult>

export interface RunContext {
  readonly cluster: string
  /** Waits while Redis is away. */
  readonly worker: Redis
  /** Fails fast. */
  readonly producer: Redis
  readonly jobs: Jobs
  readonly run: RunSync
  /** False where the configuration (no longer) has this application in this cluster. */
  isKnown(application: string): boolean
  readonly backoff: Backoff
  /** How the configuration wants an application to be tried again. */
  retryOf(application: string): RetryPolicy | undefined
  readonly now: () => number
}

/** How soon a result that waits for a time that nobody knows is looked at again. */
const LOOK_AGAIN_MS = 3_600_000

/**
 * Runs one sync of an application: takes what is wanted, runs, records the outcome and when to try again.
 * Resolves with the result, or undefined where there was nothing to do or the worker gave the job back.
 */
export async function runJob(context: RunContext, application: string, signal: AbortSignal): Promise<SyncResult | undefined> {
  const { cluster, worker, producer } = context
  if (signal.aborted) return undefined
  const run = await beginRun(worker, cluster, application)
  if (!run) return undefined
  const control: RunControl = {
    signal,
    superseded: async (isNews) => isSuperseded(producer, cluster, run, isNews).catch(() => false),
  }
  const startedAt = context.now()
  const ended = isOurs(context, run.job)
    ? await context.run(run.job, control).catch((error: unknown) => resultOfError(context, run.job, startedAt, error))
    : unknownApplication(context, run.job, startedAt)
  const retry = context.retryOf(application)
  const came = endOf(context, run.job, ended, signal)
  const isLast = came === 'failed' && run.attempts >= (retry?.limit ?? Infinity)
  const [result, end, job] = isLast
    ? [givenUp(ended, run.attempts), 'answered' as const, run.job]
    : await alsoAnswering(context, run, ended, came)
  const backoff = backoffOf(context.backoff, retry)
  const delayMs = end === 'waiting' ? untilItCame(result, context.now()) : delayAfter(result, run.attempts, Math.random(), backoff)
  const retryInMs = await finishRun(
    worker,
    cluster,
    { job, seed: run.seed, begun: run.job.seen },
    end,
    delayMs,
    end === 'released' ? undefined : result,
  )
  // Lost or late, the retry is only a wake-up call: the timer of every worker looks too.
  if (retryInMs > 0) await context.jobs.addRetry(application, retryInMs).catch(() => undefined)
  return end === 'released' ? undefined : result
}

/** What came while a run went on and asks for no more than it has done needs no run of its own. */
async function alsoAnswering(
  { producer, cluster }: RunContext,
  run: Run,
  result: SyncResult,
  end: RunEnd,
): Promise<readonly [SyncResult, RunEnd, SyncJob]> {
  if (end !== 'answered') return [result, end, run.job]
  const job = await withAnswered(producer, cluster, run, result).catch(() => run.job)
  return [{ ...result, seen: job.seen, triggers: job.triggers }, end, job]
}

/** Of an application that is not configured (any more) nothing is wanted but that it leaves. */
function isOurs(context: RunContext, { application, departure }: SyncJob): boolean {
  return departure !== undefined || context.isKnown(application)
}

function endOf(context: RunContext, job: SyncJob, result: SyncResult, signal: AbortSignal): RunEnd {
  const answer = answerOf(result)
  if (answer === 'answered' || !isOurs(context, job)) return 'answered'
  // What a run that was told to stop says about its commit proves nothing: another run takes over.
  if (signal.aborted) return 'released'
  return answer === 'superseded' || answer === 'waiting' ? answer : 'failed'
}

/** What a result waits for may come earlier than was thought: who changes it asks for a sync. */
function untilItCame({ waiting }: SyncResult, now: number): number {
  return waiting?.until === undefined ? LOOK_AGAIN_MS : Math.max(0, waiting.until - now)
}

/** The result of a run whose worker crashed or hung again and again. */
export function quarantined(context: Pick<RunContext, 'cluster' | 'now'>, job: SyncJob): SyncResult {
  return failure(context, job, context.now(), {
    code: 'worker-crashed',
    message: `Workers crashed or hung repeatedly while they synced ${job.application}`,
    fix: 'Look at the last log lines of the workers before they ended (out of memory?); a new commit or a manual sync tries again at once.',
    retryable: true,
  })
}

function unknownApplication(context: RunContext, job: SyncJob, startedAt: number): SyncResult {
  return failure(context, job, startedAt, {
    code: 'unknown-application',
    message: `The configuration has no application ${job.application} in cluster ${context.cluster}`,
    fix: 'Add it to the configuration, or ignore this: what was asked for came before it was removed or moved.',
    retryable: false,
  })
}

function resultOfError(context: RunContext, job: SyncJob, startedAt: number, error: unknown): SyncResult {
  const result = failure(context, job, startedAt, problemOf(error))
  return error instanceof GitwakeError && error.held ? { ...result, outcome: 'held' } : result
}

function failure(
  { cluster, now }: Pick<RunContext, 'cluster' | 'now'>,
  { application, reason, triggers, seen }: SyncJob,
  startedAt: number,
  problem: Problem,
): SyncResult {
  return {
    schema: 1,
    application,
    cluster,
    reason,
    triggers,
    seen,
    revision: undefined,
    rendered: undefined,
    outcome: 'failed',
    message: problem.message,
    problem,
    changes: [],
    counts: {},
    warnings: [],
    health: { status: 'unknown', objects: [] },
    startedAt,
    finishedAt: now(),
    timings: {},
  }
}
