import type { Redis } from 'ioredis'
import { clusterKeys } from '../model/keys.ts'

/** The last canary job that made the round trip through a cluster's queue, whichever worker took it. */
export interface Canary {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly roundTripMs: number
}

/** Undefined where none has come back yet. Rejects where Redis does not answer. */
export async function readCanary(redis: Redis, cluster: string): Promise<Canary | undefined> {
  const text = await redis.get(clusterKeys(cluster).canary)
  const value: unknown = text === null ? undefined : JSON.parse(text)
  if (typeof value !== 'object' || value === null || !('at' in value) || typeof value.at !== 'number') return undefined
  return { at: value.at, roundTripMs: 'roundTripMs' in value && typeof value.roundTripMs === 'number' ? value.roundTripMs : 0 }
}

export async function writeCanary(redis: Redis, cluster: string, canary: Canary): Promise<void> {
  await redis.set(clusterKeys(cluster).canary, JSON.stringify(canary))
}
