import type { Redis } from '../model/redis.ts'
import type { Orphan } from '../model/departure.ts'
import { clusterKeys } from '../model/keys.ts'

/** Writes down the orphans of a cluster as a sweep found them; `since` stays what it was. Those that are none any more are forgotten. */
export async function rememberOrphans(redis: Redis, cluster: string, found: readonly Orphan[]): Promise<void> {
  const { orphans } = clusterKeys(cluster)
  const known = await redis.hgetall(orphans)
  const next = found.map((orphan) => [orphan.application, JSON.stringify({ ...orphan, since: sinceOf(known[orphan.application], orphan) })])
  const gone = Object.keys(known).filter((name) => !found.some(({ application }) => application === name))
  if (gone.length > 0) await redis.hdel(orphans, ...gone)
  if (next.length > 0) await redis.hset(orphans, ...next.flat())
}

/** What has left is none any more, also before the next sweep. */
export async function forgetOrphan(redis: Redis, cluster: string, application: string): Promise<void> {
  await redis.hdel(clusterKeys(cluster).orphans, application)
}

function sinceOf(text: string | undefined, { since }: Orphan): number {
  try {
    const value: unknown = JSON.parse(text ?? '{}')
    const earlier: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'since') : undefined
    return typeof earlier === 'number' ? Math.min(earlier, since) : since
  } catch {
    return since
  }
}
