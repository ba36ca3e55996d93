import type { Redis } from '../model/redis.ts'
import { runScript, type Script } from './scripts/script.ts'

/** Milliseconds since 1970 by Redis' clock: the one that all processes share, whatever their own say. Of a Redis Cluster, by that of some node. */
export async function clockOf(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await redis.time()
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000)
}

const CLOCK: Script = { name: 'gitwakeClock', keys: 1, lua: `return digits(clock())` }

/** The same, by the clock of the node that has this key: moments that are compared must be of one. */
export async function clockAt(redis: Redis, key: string): Promise<number> {
  return Number(await runScript(redis, CLOCK, [key], []))
}
