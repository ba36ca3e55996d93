import { type Job, Worker } from 'bullmq'
import type { Log } from '../model/log.ts'
import type { CurrentConfiguration } from '../model/configuration.ts'
import { clusterKeys } from '../model/keys.ts'
import type { SyncResult } from '../model/result.ts'
import { BACKOFF, type Backoff, QUARANTINE_MS } from './backoff.ts'
import type { Connections } from './connection.ts'
import { waitUntilEmpty } from './drain.ts'
import { ensureJobs } from './ensure.ts'
import { type JobData, openJobs, QUEUE_NAME } from './jobs.ts'
import { quarantined, type RunContext, runJob, type RunSync } from './run.ts'
import { createRunning } from './running.ts'
import { startSchedules } from './schedules.ts'
import { finishRun } from './state.ts'

export interface WorkerOptions {
  readonly cluster: string
  readonly connections: Connections
  readonly configuration: CurrentConfiguration
  readonly log: Log
  readonly run: RunSync
  /** Looks for moved heads of a repository and asks for syncs of the applications that follow them. */
  readonly poll: (repository: string, signal: AbortSignal) => Promise<void>
  /** Looks for drift in the whole cluster and asks for syncs of what drifted. */
  readonly sweep: (signal: AbortSignal) => Promise<void>
  /** Each time the canary has made the round trip through the queue. */
  readonly onCanary?: (roundTripMs: number) => void
  /** Each time a sync ended, after its outcome was recorded. */
  readonly onResult?: (result: SyncResult) => void
  /** Jobs at the same time. Waiting for health holds a job, so this is no limit on work: fetches, renders and requests have limits of their own. */
  readonly concurrency?: number
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

/** Starts to work on the queue of one cluster. Never throws: while Redis is away it waits. */
export function startWorker(options: WorkerOptions): QueueWorker {
  const { cluster, connections, configuration, log, ensureIntervalMs = ENSURE_EVERY_MS } = options
  const jobs = openJobs(connections.producer, cluster)
  const running = createRunning()
  const stop = new AbortController()
  const ownApplications = (): readonly string[] =>
    [...configuration().applications.values()].filter(({ destination }) => destination.cluster === cluster).map(({ name }) => name)
  const context: RunContext = {
    cluster,
    worker: connections.worker,
    producer: connections.producer,
    jobs,
    run: options.run,
    isKnown: (application) => configuration().applications.get(application)?.destination.cluster === cluster,
    backoff: options.backoff ?? BACKOFF,
    now: Date.now,
  }

  const ensuring = new Set<Promise<void>>()
  const ensure = (applications: readonly string[]): void => {
    const one = ensureJobs(connections.producer, jobs, applications)
      .then((added) => {
        if (added.length > 0) log.debug({ cluster, applications: added }, 'added jobs for unanswered tickets')
      })
      .catch((error: unknown) => log.debug({ cluster, problem: String(error) }, 'could not look for unanswered tickets'))
      .finally(() => ensuring.delete(one))
    ensuring.add(one)
  }

  const sync = async (id: string, application: string): Promise<void> => {
    const result = await running.run(id, application, stop.signal, async (signal) => runJob(context, application, signal))
    if (result) options.onResult?.(result)
  }
  const process = async (job: Job<JobData>): Promise<void> => {
    const { application, repository } = job.data
    switch (job.name) {
      case 'sync':
        return application === undefined ? undefined : sync(job.id ?? application, application)
      case 'retry':
        return application === undefined ? undefined : void (await ensureJobs(connections.producer, jobs, [application]))
      case 'poll':
        return repository === undefined ? undefined : options.poll(repository, stop.signal)
      case 'sweep':
        ensure(ownApplications())
        return options.sweep(stop.signal)
      case 'canary': {
        const roundTripMs = Math.max(0, Date.now() - job.timestamp)
        await connections.producer.set(clusterKeys(cluster).canary, JSON.stringify({ at: Date.now(), roundTripMs }))
        return options.onCanary?.(roundTripMs)
      }
    }
  }

  const worker = new Worker<JobData>(QUEUE_NAME, process, {
    connection: connections.worker,
    prefix: clusterKeys(cluster).prefix,
    concurrency: options.concurrency ?? 1_000,
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
    for (const id of ids) running.lose(id)
  })
  const ended = (job: Job<JobData> | undefined): void => {
    if (job?.name === 'sync' && job.data.application !== undefined) ensure([job.data.application])
  }
  worker.on('completed', ended)
  worker.on('failed', (job, error) => {
    log.warn({ cluster, job: job?.name, ...job?.data, problem: error.message }, 'job failed')
    const application = job?.name === 'sync' && /stalled more than/.test(error.message) ? job.data.application : undefined
    if (application === undefined) ended(job)
    else void quarantine(application).catch(() => undefined)
  })
  const quarantine = async (application: string): Promise<void> => {
    const [seed, seen] = await connections.worker.hmget(clusterKeys(cluster).application(application), 'seed', 'running')
    if (!seed || !seen) return
    const job = { application, reason: 'retry', seen: Number(seen), triggers: [] } as const
    const result = quarantined(context, job)
    await finishRun(connections.worker, cluster, { job, seed }, 'failed', QUARANTINE_MS, result)
    options.onResult?.(result)
    ensure([application])
  }

  const timer = setInterval(() => ensure(ownApplications()), ensureIntervalMs)
  const onReady = (): void => ensure(ownApplications())
  connections.producer.on('ready', onReady)
  const schedules = options.drain ? undefined : startSchedules({ cluster, configuration, redis: connections.producer, jobs, log })
  ensure(ownApplications())

  const close = async (): Promise<void> => {
    clearInterval(timer)
    schedules?.close()
    connections.producer.off('ready', onReady)
    const late = new Promise<'late'>((resolve) => setTimeout(resolve, CLOSE_WITHIN_MS, 'late').unref())
    const closing = worker.close()
    stop.abort(new DOMException('The worker is shutting down', 'AbortError'))
    if ((await Promise.race([closing, late])) === 'late') {
      log.warn({ cluster }, 'some syncs did not stop in time; another worker takes them over')
      connections.worker.disconnect()
    }
    await Promise.race([Promise.allSettled(ensuring), late])
    await jobs.close()
  }
  let closed: Promise<void> | undefined
  return {
    drained: async (signal) => waitUntilEmpty(jobs, async () => ensureJobs(connections.producer, jobs, ownApplications()), signal),
    close: async () => (closed ??= close()),
  }
}
