import type { Redis } from 'ioredis'

/** Milliseconds since 1970 by Redis' clock: the one that all processes share, whatever their own say. */
export async function clockOf(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await redis.time()
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000)
}
