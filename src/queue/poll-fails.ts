import type { Redis } from '../model/redis.ts'
import type { Problem } from '../model/error.ts'
import { clusterKeys } from '../model/keys.ts'
import type { PollFails } from '../model/result.ts'

/** Writes down how the newest poll of the repository of these applications has ended: with a problem, since the first time in a row, or well. */
export async function notePoll(
  redis: Redis,
  cluster: string,
  applications: readonly string[],
  { problem, now }: { readonly problem?: Problem; readonly now: number },
): Promise<void> {
  const { status } = clusterKeys(cluster)
  const fields = applications.map((application) => `${application}/pollFails`)
  const told = (await redis.hmget(status, ...fields)).map(sinceOf)
  if (problem === undefined) {
    const over = fields.filter((_, index) => told[index] !== undefined)
    if (over.length > 0) await redis.hdel(status, ...over)
    return
  }
  const entries = fields.flatMap((field, index) => [field, JSON.stringify({ since: told[index] ?? now, problem } satisfies PollFails)])
  await redis.hset(status, ...entries)
}

function sinceOf(text: string | null): number | undefined {
  const [, since] = /^\{"since":(\d+),/u.exec(text ?? '') ?? []
  return since === undefined ? undefined : Number(since)
}
