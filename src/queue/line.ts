import type { Redis } from '../model/redis.ts'
import { clusterKeys } from '../model/keys.ts'
import type { QueuePlace } from '../model/result.ts'
import { QUEUE_NAME } from './jobs.ts'

/** Where the sync of an application stands in its cluster's line; undefined where none stands there. */
export async function placeInLine(redis: Redis, cluster: string, application: string): Promise<QueuePlace | undefined> {
  const keys = clusterKeys(cluster)
  const queue = `${keys.prefix}:${QUEUE_NAME}`
  const [id, inLine] = await Promise.all([redis.get(`${queue}:de:${application}`), redis.hget(keys.application(application), 'inLine')])
  if (id === null) return undefined
  const [ahead, of] = await Promise.all([redis.zrank(`${queue}:prioritized`, id), redis.zcard(`${queue}:prioritized`)])
  if (ahead === null) return undefined
  const [known, since] = (inLine ?? '').split(' ')
  return { position: ahead + 1, of, ...(known === id && since !== undefined && { since: Number(since) }) }
}
