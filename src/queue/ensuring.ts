import type { Redis } from '../model/redis.ts'
import type { Log } from '../model/log.ts'
import { ensureJobs } from './ensure.ts'
import type { Jobs } from './jobs.ts'
import { promoteLate } from './promote.ts'

/** Looks for tickets without a job, in the background: at a timer, when Redis is back, and when asked. */
export interface Ensuring {
  /** Looks for these applications, for all of this cluster without names. Returns at once, never throws. */
  look(applications?: readonly string[]): void
  /** Looks no more by itself. */
  stop(): void
  /** Resolves when every look that was begun has ended. */
  settled(): Promise<void>
}

/** Starts with a look at everything. A look that fails is not tried again: the next one comes anyway. */
export function startEnsuring(options: {
  readonly redis: Redis
  readonly jobs: Jobs
  readonly applications: () => readonly string[]
  readonly intervalMs: number
  readonly log: Log
}): Ensuring {
  const { redis, jobs, applications, log } = options
  const { cluster } = jobs
  const looks = new Set<Promise<void>>()
  const run = (repaired: Promise<readonly string[]>, what: string): void => {
    const one = repaired
      .then((names) => {
        if (names.length > 0) log.debug({ cluster, applications: names }, what)
      })
      .catch((error: unknown) => log.debug({ cluster, problem: String(error) }, 'could not look for unanswered tickets'))
      .finally(() => looks.delete(one))
    looks.add(one)
  }
  const look = (named?: readonly string[]): void => {
    run(ensureJobs(redis, jobs, named ?? applications()), 'added jobs for unanswered tickets')
  }
  const lookAtAll = (): void => {
    look()
    run(promoteLate(redis, jobs, applications()), 'put syncs that have waited too long in front of all others')
  }
  const timer = setInterval(lookAtAll, options.intervalMs)
  redis.on('ready', lookAtAll)
  lookAtAll()
  return {
    look,
    stop: () => {
      clearInterval(timer)
      redis.off('ready', lookAtAll)
    },
    settled: async () => void (await Promise.all(looks)),
  }
}
