import { Redis } from 'ioredis'
import type { Log } from '../../test/support/checkout.ts'
import { startRedisServer } from '../../test/support/redis-server.ts'

/** A Redis for one demo. */
interface DemoRedis {
  readonly url: string
  close(): Promise<void>
}

/** The Redis that REDIS_URL names, as long as no gitwake uses it; else a child of our own. */
export async function borrowOrStartRedis(log: Log): Promise<DemoRedis> {
  const url = process.env['REDIS_URL']
  if (url === undefined || url === '') {
    const server = await startRedisServer()
    log(`Redis runs at ${server.url}`)
    return { url: server.url, close: () => server.stop() }
  }
  const redis = new Redis(url, { maxRetriesPerRequest: 1 })
  redis.on('error', () => undefined) // the command that fails tells it
  try {
    if ((await ownKeys(redis)).length > 0) {
      throw new Error(
        'The Redis of REDIS_URL holds the keys of a gitwake already: name another database (redis://…/1), or unset REDIS_URL.',
      )
    }
  } catch (error) {
    redis.disconnect()
    throw error
  }
  log('using the Redis that REDIS_URL names')
  return {
    url,
    async close() {
      // There were none of these before, so all of them are the demo's.
      const keys = await ownKeys(redis)
      if (keys.length > 0) await redis.del(...keys)
      redis.disconnect()
    },
  }
}

async function ownKeys(redis: Redis): Promise<readonly string[]> {
  const keys = new Set<string>()
  let cursor = '0'
  do {
    const [next, found] = await redis.scan(cursor, 'MATCH', '{gitwake*', 'COUNT', 1000)
    for (const key of found) keys.add(key)
    cursor = next
  } while (cursor !== '0')
  return [...keys]
}
