import type { Redis } from '../model/redis.ts'
import type { Fight } from '../model/fight.ts'
import type { SyncJob } from '../model/job.ts'
import type { SyncResult } from '../model/result.ts'
import { fightsIn, healsOf } from '../plan/fights.ts'
import { forgetHeals, readHeals, writeHeals } from '../queue/heals.ts'

/** The fights that a sync must not go on with. A person who asks for a sync wants it healed, and the count begins anew. */
export async function fightsBefore(redis: Redis, cluster: string, { application, reason }: SyncJob): Promise<readonly Fight[]> {
  if (reason !== 'manual') return (await readHeals(redis, cluster, application)).fights
  await forgetHeals(redis, cluster, application).catch(() => undefined)
  return []
}

/** Counts what a sync took back. Of another revision nothing is kept: a new commit may have settled it. */
export async function countHeals(redis: Redis, cluster: string, result: SyncResult): Promise<void> {
  const fresh = healsOf(result)
  if (fresh.length === 0) return
  const known = await readHeals(redis, cluster, result.application)
  const heals = [...known.heals.filter(({ revision }) => revision === result.revision), ...fresh]
  const before = known.fights.filter(({ revision }) => revision === result.revision)
  const recognised = fightsIn(heals, result.finishedAt)
  const again = new Set(recognised.map(({ object, field }) => `${object} ${field}`))
  const fights = [...before.filter(({ object, field }) => !again.has(`${object} ${field}`)), ...recognised]
  await writeHeals(redis, cluster, result.application, { heals, fights })
}
