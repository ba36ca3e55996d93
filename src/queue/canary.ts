import type { Redis } from '../model/redis.ts'
import { clusterKeys } from '../model/keys.ts'
import { clockAt } from './clock.ts'

/** The last canary job that made the round trip through a cluster's queue, whichever worker took it. */
export interface Canary {
  /** Milliseconds since 1970, by this machine's clock, whatever that of the worker says. */
  readonly at: number
  readonly roundTripMs: number
}

/** Undefined where none has come back yet. Rejects where Redis does not answer. */
export async function readCanary(redis: Redis, cluster: string): Promise<Canary | undefined> {
  const { canary } = clusterKeys(cluster)
  const [text, now] = await Promise.all([redis.get(canary), clockAt(redis, canary)])
  const value: unknown = text === null ? undefined : JSON.parse(text)
  if (typeof value !== 'object' || value === null || !('at' in value) || typeof value.at !== 'number') return undefined
  return {
    at: Date.now() - (now - value.at),
    roundTripMs: 'roundTripMs' in value && typeof value.roundTripMs === 'number' ? value.roundTripMs : 0,
  }
}

/** A canary that was sent at `sentAt`, by Redis' clock, has come back now. */
export async function writeCanary(redis: Redis, cluster: string, sentAt: number): Promise<void> {
  const { canary } = clusterKeys(cluster)
  const at = await clockAt(redis, canary)
  await redis.set(canary, JSON.stringify({ at, roundTripMs: Math.max(0, at - sentAt) }))
}
