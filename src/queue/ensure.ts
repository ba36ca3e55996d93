import type { Redis } from '../model/redis.ts'
import { clusterKeys } from '../model/keys.ts'
import { reachable } from './connection.ts'
import type { Jobs } from './jobs.ts'
import { CLASS, priorityOf } from './priority.ts'
import { ENSURE } from './scripts/ensure.ts'
import { runScript, type Script } from './scripts/script.ts'
import { WAKE } from './scripts/wake.ts'

/** Redis runs nothing else meanwhile, so a batch takes at most a millisecond or so. */
const BATCH = 200

/**
 * Makes sure that every application with an unanswered ticket that is due has a job: the net below every lost job, stray deduplication key,
 * stale flag and lost timer. Resolves with the names of those that had none. Throws GitwakeError `redis-unavailable`.
 */
export async function ensureJobs(redis: Redis, jobs: Jobs, applications: readonly string[]): Promise<readonly string[]> {
  return addMissing(ENSURE, CLASS.retry, redis, jobs, applications)
}

/**
 * Sets going what waits: the newest run of these applications ended with `waiting`, and what it waited for has come. Resolves with the names of
 * those that nobody else had set going. Throws GitwakeError `redis-unavailable`.
 */
export async function wakeWaiting(redis: Redis, jobs: Jobs, applications: readonly string[]): Promise<readonly string[]> {
  return addMissing(WAKE, CLASS.dependency, redis, jobs, applications)
}

async function addMissing(
  script: Script,
  jobClass: number,
  redis: Redis,
  jobs: Jobs,
  applications: readonly string[],
): Promise<readonly string[]> {
  const { prefix, outcomes } = clusterKeys(jobs.cluster)
  const added: string[] = []
  for (let from = 0; from < applications.length; from += BATCH) {
    const batch = applications.slice(from, from + BATCH)
    const missing = await reachable(runScript(redis, script, [outcomes], [prefix, jobClass, ...batch]))
    for (const [application, waiting] of pairs(missing)) {
      await jobs.addSync(application, priorityOf(jobClass, waiting), false)
      added.push(application)
    }
  }
  return added
}

function pairs(flat: unknown): readonly (readonly [string, number])[] {
  if (!Array.isArray(flat)) return []
  return Array.from({ length: flat.length / 2 }, (_, index) => [String(flat[2 * index]), Number(flat[2 * index + 1])] as const)
}
