import type { Redis } from '../model/redis.ts'
import type { Fight, Heal } from '../model/fight.ts'
import { clusterKeys } from '../model/keys.ts'

/** What is remembered of an application's heals; after FLUSHALL it begins anew. */
export interface Heals {
  readonly heals: readonly Heal[]
  readonly fights: readonly Fight[]
}

const NONE: Heals = { heals: [], fights: [] }
const MOST_KEPT = 500
const KEEP_MS = 7 * 86_400_000

function keyOf(cluster: string, application: string): string {
  return `${clusterKeys(cluster).prefix}:heals:${application}`
}

/** A Redis that is away, or a record of another version, knows of none. */
export async function readHeals(redis: Redis, cluster: string, application: string): Promise<Heals> {
  try {
    const text = await redis.get(keyOf(cluster, application))
    // Written by workers only, and told, never obeyed: the worst it can do is to leave drift alone, visibly.
    return text === null ? NONE : { ...NONE, ...(JSON.parse(text) as Partial<Heals>) }
  } catch {
    return NONE
  }
}

export async function writeHeals(redis: Redis, cluster: string, application: string, { heals, fights }: Heals): Promise<void> {
  await redis.set(keyOf(cluster, application), JSON.stringify({ heals: heals.slice(-MOST_KEPT), fights }), 'PX', KEEP_MS)
}

export async function forgetHeals(redis: Redis, cluster: string, application: string): Promise<void> {
  await redis.del(keyOf(cluster, application))
}
