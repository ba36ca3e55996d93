import { randomUUID } from 'node:crypto'
import { type JobsOptions, Queue } from 'bullmq'
import type { Redis } from '../model/redis.ts'
import { sha256 } from '../model/digest.ts'
import { clusterKeys } from '../model/keys.ts'
import { clockAt } from './clock.ts'
import { becomeReady, reachable, redisUnavailable } from './connection.ts'
import { CLASS, priorityOf } from './priority.ts'

export const QUEUE_NAME = 'sync'

export type JobName = 'sync' | 'retry' | 'poll' | 'sweep' | 'canary' | 'plan'

/** What a job carries: names only, nothing that must be believed. */
export interface JobData {
  readonly application?: string
  readonly repository?: string
  /** What to plan, as a query writes it. */
  readonly subject?: string
}

/** The queue of one cluster, as producers use it. Every promise fails fast with `redis-unavailable`. */
export interface Jobs {
  readonly cluster: string
  /** One sync of the application, unless one waits already; `raise` lifts the one that waits. */
  addSync(application: string, priority: number, raise: boolean): Promise<void>
  /** Calls ensure for the application after `delayMs`. */
  addRetry(application: string, delayMs: number): Promise<void>
  addPoll(repository: string): Promise<void>
  addSweep(): Promise<void>
  addCanary(): Promise<void>
  /** One plan of this subject; what is asked for while one is being made is made once more afterwards. */
  addPlan(application: string, subject: string): Promise<void>
  /** BullMQ's own object: for the queue UI and its counts. */
  queue(): Promise<Queue<JobData>>
  close(): Promise<void>
}

const READY_WITHIN_MS = 2_500

/** Opens the queue when it is first used: BullMQ gives up for good on a connection that is not ready. `redis` is that of BullMQ (`Connections.queues`). */
export function openJobs(redis: Redis, cluster: string): Jobs {
  let opening: Promise<Queue<JobData>> | undefined
  const queue = async (): Promise<Queue<JobData>> => {
    opening ??= openQueue(redis, cluster).catch((error: unknown) => {
      opening = undefined
      throw error
    })
    return opening
  }
  const add = async (name: JobName, data: JobData, options: JobsOptions) => {
    // After Redis was away, other connections of this process may be back a moment sooner.
    await becomeReady(redis, AbortSignal.timeout(READY_WITHIN_MS)).catch((error: unknown) => {
      throw redisUnavailable(error)
    })
    return await reachable((await queue()).add(name, data, options))
  }
  // The work itself is deduplicated while it waits and while it runs; what is asked for meanwhile runs once more afterwards.
  const once = (id: string, priority: number, again: boolean): JobsOptions => ({
    jobId: uniqueId(id.replaceAll('/', '-')),
    priority,
    removeOnComplete: true,
    removeOnFail: true,
    deduplication: { id, ...(again && { keepLastIfActive: true, replace: true }) },
  })
  return {
    cluster,
    queue,
    addSync: async (application, priority, raise) => {
      const job = await add(
        'sync',
        { application },
        {
          jobId: uniqueId(application),
          priority,
          deduplication: { id: application, keepLastIfActive: true, replace: true },
        },
      )
      if (raise) await reachable(job.changePriority({ priority })).catch(ignoreMissingJob)
    },
    addRetry: async (application, delayMs) => {
      await add('retry', { application }, { ...once(`retry/${application}`, priorityOf(CLASS.retry, 0), true), delay: delayMs })
    },
    addPoll: async (repository) => {
      await add('poll', { repository }, once(`poll/${repository}`, priorityOf(CLASS.poll, 0), true))
    },
    addSweep: async () => {
      await add('sweep', {}, once('sweep/all', priorityOf(CLASS.drift, 0), true))
    },
    addCanary: async () => {
      // Its round trip may end at a worker with another clock.
      const timestamp = await reachable(clockAt(redis, clusterKeys(cluster).canary))
      await add('canary', {}, { ...once('canary/all', priorityOf(CLASS.push, 0), false), timestamp })
    },
    addPlan: async (application, subject) => {
      // Somebody waits for it at a terminal: like a sync by hand.
      const options = once(`plan/${application}/${sha256(subject).slice(0, 12)}`, priorityOf(CLASS.manual, 0), true)
      await add('plan', { application, subject }, options)
    },
    close: async () => {
      const open = await opening?.catch(() => undefined)
      await open?.close().catch(() => undefined)
    },
  }
}

async function openQueue(redis: Redis, cluster: string): Promise<Queue<JobData>> {
  if (redis.status !== 'ready') throw redisUnavailable(`the connection is ${redis.status}`)
  const queue = new Queue<JobData>(QUEUE_NAME, {
    connection: redis,
    prefix: clusterKeys(cluster).prefix,
    streams: { events: { maxLen: 1_000 } },
    // Per queue and process once; the version was checked when the process started.
    skipVersionCheck: true,
  })
  // The connection reports its errors itself; unheard ones would end the process.
  queue.on('error', () => undefined)
  const late = AbortSignal.timeout(READY_WITHIN_MS)
  const timeout = new Promise<never>((_resolve, reject) => late.addEventListener('abort', () => reject(late.reason)))
  try {
    await Promise.race([queue.waitUntilReady(), timeout])
    return queue
  } catch (error) {
    void queue.close().catch(() => undefined)
    throw redisUnavailable(error)
  }
}

/**
 * Ids of our own: BullMQ counts from 1 again after FLUSHALL, while jobs with such ids still run. Not a number and without ':', as BullMQ
 * demands; the name in front is for people.
 */
function uniqueId(name: string): string {
  return `${name}-${randomUUID().slice(0, 18)}`
}

/** The job that waited has just been taken: it reads the newest `want` by itself. */
function ignoreMissingJob(error: unknown): void {
  if (error instanceof Error && /Missing key for job/.test(error.message)) return
  throw error
}
