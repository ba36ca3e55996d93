import type { Redis } from '../model/redis.ts'
import { clusterKeys } from '../model/keys.ts'
import { reachable } from './connection.ts'
import type { Jobs } from './jobs.ts'
import { FIRST } from './priority.ts'
import { PROMOTE } from './scripts/promote.ts'
import { runScript } from './scripts/script.ts'

/** Pushes come before drift, but not for ever: whoever has stood in line this long is next. */
const LONGEST_WAIT_MS = 600_000
const BATCH = 200

/** Puts syncs that have waited too long in front of all others. Resolves with their names. Throws GitwakeError `redis-unavailable`. */
export async function promoteLate(redis: Redis, jobs: Jobs, applications: readonly string[]): Promise<readonly string[]> {
  const { prefix, outcomes } = clusterKeys(jobs.cluster)
  const promoted: string[] = []
  for (let from = 0; from < applications.length; from += BATCH) {
    const batch = applications.slice(from, from + BATCH)
    const late = await reachable(runScript(redis, PROMOTE, [outcomes], [prefix, LONGEST_WAIT_MS, ...batch]))
    for (const application of Array.isArray(late) ? late.map(String) : []) {
      await jobs.addSync(application, FIRST, true)
      promoted.push(application)
    }
  }
  return promoted
}
