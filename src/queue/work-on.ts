import type { Job } from 'bullmq'
import { clusterKeys } from '../model/keys.ts'
import type { SyncResult } from '../model/result.ts'
import { QUARANTINE_MS } from './backoff.ts'
import { writeCanary } from './canary.ts'
import type { Ensuring } from './ensuring.ts'
import { ensureJobs } from './ensure.ts'
import type { JobData } from './jobs.ts'
import { quarantined, type RunContext, runJob } from './run.ts'
import type { Running } from './running.ts'
import { finishRun } from './state.ts'

/** What the jobs of a queue stand for, and who hears of them. */
export interface Work {
  /** Looks for moved heads of a repository and asks for syncs of the applications that follow them. */
  readonly poll: (repository: string, signal: AbortSignal) => Promise<void>
  /** Looks for drift in the whole cluster and asks for syncs of what drifted. */
  readonly sweep: (signal: AbortSignal) => Promise<void>
  /** Makes a plan of an application and keeps it; `subject` as a query writes it. */
  readonly plan: (application: string, subject: string, signal: AbortSignal) => Promise<void>
  /** Each time a sync ended, after its outcome was recorded. */
  readonly onResult?: (result: SyncResult) => void
}

/** What working on a job takes, besides the job. */
export interface WorkContext extends Work {
  readonly run: RunContext
  readonly running: Running
  readonly ensuring: Ensuring
  /** Aborted when the worker shuts down. */
  readonly stop: AbortSignal
}

/** Does what a job asks for. A job whose data do not name what it is about asks for nothing. */
export async function workOn(context: WorkContext, job: Job<JobData>): Promise<void> {
  const { cluster, producer, jobs } = context.run
  const { application, repository, subject } = job.data
  switch (job.name) {
    case 'sync':
      return application === undefined ? undefined : syncOne(context, job.id ?? application, application)
    case 'retry':
      return application === undefined ? undefined : void (await ensureJobs(producer, jobs, [application]))
    case 'poll':
      return repository === undefined ? undefined : context.poll(repository, context.stop)
    case 'sweep':
      context.ensuring.look()
      return context.sweep(context.stop)
    case 'plan':
      return application === undefined ? undefined : context.plan(application, subject ?? '', context.stop)
    case 'canary':
      return writeCanary(producer, cluster, job.timestamp)
  }
}

async function syncOne({ run, running, stop, onResult }: WorkContext, id: string, application: string): Promise<void> {
  const result = await running.run(id, application, stop, async (signal) => runJob(run, application, signal))
  if (result) onResult?.(result)
}

/** After every job of an application: is more wanted than it has done? */
export function lookAfter({ ensuring }: WorkContext, job: Job<JobData> | undefined): void {
  if (job?.name === 'sync' && job.data.application !== undefined) ensuring.look([job.data.application])
}

/** A job that nobody finished for the third time would take down the next worker, too: its application rests for a while, and that is told. */
export async function quarantine({ run, onResult, ensuring }: WorkContext, application: string): Promise<void> {
  const [seed, seen] = await run.worker.hmget(clusterKeys(run.cluster).application(application), 'seed', 'running')
  if (!seed || !seen) return
  const job = { application, reason: 'retry', seen: Number(seen), triggers: [] } as const
  const result: SyncResult = quarantined(run, job)
  await finishRun(run.worker, run.cluster, { job, seed }, 'failed', QUARANTINE_MS, result)
  onResult?.(result)
  ensuring.look([application])
}
