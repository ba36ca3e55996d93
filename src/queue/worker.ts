import { Worker } from 'bullmq'
import type { Log } from '../model/log.ts'
import type { CurrentConfiguration } from '../model/configuration.ts'
import { clusterKeys } from '../model/keys.ts'
import { BACKOFF, type Backoff } from './backoff.ts'
import { type Busy, createBusy } from './busy.ts'
import type { Connections } from './connection.ts'
import { waitUntilEmpty } from './drain.ts'
import { ensureJobs } from './ensure.ts'
import { startEnsuring } from './ensuring.ts'
import { type JobData, openJobs, QUEUE_NAME } from './jobs.ts'
import type { RunSync } from './run.ts'
import { createRunning } from './running.ts'
import { startSchedules } from './schedules.ts'
import { lookAfter, quarantine, type Work, workOn, type WorkContext } from './work-on.ts'

export interface WorkerOptions extends Work {
  readonly cluster: string
  readonly connections: Connections
  readonly configuration: CurrentConfiguration
  readonly log: Log
  readonly run: RunSync
  /** Jobs at the same time. Waiting for health holds a job, so this is no limit on work: fetches, renders and requests have limits of their own. */
  readonly concurrency?: number
  /** Are watches proven live? Then sweeps come less often. */
  readonly isWatching?: () => boolean
  /** Only empty the queue: no polls, sweeps or canaries. */
  readonly drain?: boolean
  readonly backoff?: Backoff
  readonly ensureIntervalMs?: number
}

export interface QueueWorker {
  /** Resolves when nothing waits, runs or is due (retries that are due later stay). Rejects with the signal's reason. */
  drained(signal: AbortSignal): Promise<void>
  /** Lets running syncs stop at their next step and gives back what is unfinished. Resolves within 25 s, whatever Redis does. */
  close(): Promise<void>
}

const LOCK_MS = 10_000
// Lock and two checks together bound how long a dead worker holds an application: less than 15 s. (Two, because BullMQ skips a check that comes
// a moment before the mark of the one before has expired.) All workers must agree: the slowest sets the pace.
const STALLED_CHECK_MS = 2_000
const STALLED_AT_MOST = 3
const ENSURE_EVERY_MS = 10_000
const CLOSE_WITHIN_MS = 20_000
/** How long Redis may take to hear that a worker has ended; who does not hear it sees its locks expire. */
const GOODBYE_MS = 3_000

/** Starts to work on the queue of one cluster. Never throws: while Redis is away it waits. */
export function startWorker(options: WorkerOptions): QueueWorker {
  const { cluster, connections, configuration, log, poll, sweep, plan, onResult } = options
  const { producer } = connections
  const jobs = openJobs(connections.queues, cluster)
  const stop = new AbortController()
  const applications = (): readonly string[] =>
    [...configuration().applications.values()].filter(({ destination }) => destination.cluster === cluster).map(({ name }) => name)
  const ensuring = startEnsuring({ redis: producer, jobs, applications, intervalMs: options.ensureIntervalMs ?? ENSURE_EVERY_MS, log })
  const busy = createBusy()
  const worker = takeJobs(options, busy, {
    run: {
      cluster,
      worker: connections.worker,
      producer,
      jobs,
      run: options.run,
      isKnown: (application) => configuration().applications.get(application)?.destination.cluster === cluster,
      backoff: options.backoff ?? BACKOFF,
      retryOf: (application) => configuration().applications.get(application)?.sync.retry,
      now: Date.now,
    },
    running: createRunning(),
    ensuring,
    stop: stop.signal,
    poll,
    sweep,
    plan,
    ...(onResult && { onResult }),
  })
  const schedules = options.drain
    ? undefined
    : startSchedules({ cluster, configuration, redis: producer, jobs, log, ...(options.isWatching && { isWatching: options.isWatching }) })

  const close = async (): Promise<void> => {
    ensuring.stop()
    schedules?.close()
    await worker.pause(true)
    stop.abort(new DOMException('The worker is shutting down', 'AbortError'))
    if ((await Promise.race([busy.idle(), after(CLOSE_WITHIN_MS)])) === 'late') {
      log.warn({ cluster, jobs: busy.names() }, 'some jobs did not stop in time; another worker takes them over')
    }
    // Where Redis is away, BullMQ's polite way to close waits for the end of a connection that there is not.
    const closing = worker.close(connections.worker.status !== 'ready')
    await Promise.race([Promise.all([closing, ensuring.settled()]), after(GOODBYE_MS)])
    await worker.abandon()
    await jobs.close()
  }
  let closed: Promise<void> | undefined
  return {
    drained: async (signal) => waitUntilEmpty(jobs, async () => ensureJobs(producer, jobs, applications()), signal),
    close: async () => (closed ??= close()),
  }
}

class AbandonableWorker extends Worker<JobData> {
  /**
   * Ends what a polite close that waits in vain for Redis would never come to: the timer that renews locks, which keeps the process. Jobs that
   * are not recorded as ended lose their locks, and another worker looks after them.
   */
  async abandon(): Promise<void> {
    await this.lockManager.close()
  }
}

/** BullMQ's worker, with what becomes of a job that ends, fails or is lost. */
function takeJobs({ cluster, connections, concurrency, log }: WorkerOptions, busy: Busy, context: WorkContext): AbandonableWorker {
  const worker = new AbandonableWorker(QUEUE_NAME, async (job) => busy.while(job.name, workOn(context, job)), {
    connection: connections.worker,
    prefix: clusterKeys(cluster).prefix,
    concurrency: concurrency ?? 1_000,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_CHECK_MS,
    maxStalledCount: STALLED_AT_MOST,
    removeOnComplete: { age: 3_600, count: 200 },
    removeOnFail: { age: 86_400, count: 200 },
    runRetryDelay: 1_000,
    skipVersionCheck: true,
  })
  worker.on('error', (error) => log.debug({ cluster, problem: error.message }, 'queue'))
  worker.on('lockRenewalFailed', (ids) => {
    for (const id of ids) context.running.lose(id)
  })
  worker.on('completed', (job) => lookAfter(context, job))
  worker.on('failed', (job, error) => {
    log.warn({ cluster, job: job?.name, ...job?.data, problem: error.message }, 'job failed')
    const application = job?.name === 'sync' && /stalled more than/.test(error.message) ? job.data.application : undefined
    if (application === undefined) lookAfter(context, job)
    else void quarantine(context, application).catch(() => undefined)
  })
  return worker
}

async function after(milliseconds: number): Promise<'late'> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds, 'late').unref())
}
