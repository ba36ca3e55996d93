import type { Redis } from '../model/redis.ts'
import type { HealthStatus } from '../model/health.ts'
import { sha256 } from '../model/digest.ts'
import { clusterKeys } from '../model/keys.ts'
import { clockAt } from './clock.ts'

/** What was published of an application before; all of it may be missing after FLUSHALL. */
export interface LastKnown {
  readonly health: HealthStatus
  readonly isApplied: boolean
  /** What was not well, as stored. */
  readonly unhealthy: string
}

/** A heal takes less; drift that stays is told again by the sweep. */
const DRIFT_TOLD_MS = 10_000

const STATUSES: readonly HealthStatus[] = ['current', 'in progress', 'failed', 'terminating', 'unknown']

/** Reads it from Redis; a Redis that is away knows nothing. */
export async function readLastKnown(redis: Redis, cluster: string, application: string): Promise<LastKnown> {
  const fields = [`${application}/health`, `${application}/applied`, `${application}/unhealthy`]
  const [health, applied, unhealthy] = await redis.hmget(clusterKeys(cluster).status, ...fields).catch(() => [null, null, null])
  return { health: healthFrom(health), isApplied: typeof applied === 'string', unhealthy: unhealthy ?? '[]' }
}

/** Health as it was published. */
export function healthFrom(text: string | null | undefined): HealthStatus {
  return STATUSES.find((status) => JSON.stringify(status) === text) ?? 'unknown'
}

/** The health of each application as it was published. */
export async function readHealths(
  redis: Redis,
  cluster: string,
  applications: readonly string[],
): Promise<ReadonlyMap<string, HealthStatus>> {
  if (applications.length === 0) return new Map()
  const fields = applications.map((name) => `${name}/health`)
  const stored = await redis.hmget(clusterKeys(cluster).status, ...fields).catch(() => [])
  return new Map(applications.map((name, index) => [name, healthFrom(stored[index])]))
}

/** What a cluster carries of an application, and since when (milliseconds since 1970). */
export interface Applied {
  readonly revision: string
  readonly at: number
}

/** Publishes what inventories say is applied, where nothing was published: one question for all applications, since nearly all of them are known. */
export async function restoreApplied(redis: Redis, cluster: string, applied: ReadonlyMap<string, Applied>): Promise<void> {
  if (applied.size === 0) return
  const { status } = clusterKeys(cluster)
  const fields = [...applied].map(([name, value]) => [`${name}/applied`, JSON.stringify(value)] as const)
  const known = await redis.hmget(status, ...fields.map(([field]) => field))
  await Promise.all(fields.filter((_, index) => known[index] === null).map(([field, value]) => redis.hsetnx(status, field, value)))
}

/** A value per application: the digest of its configuration, the head it was told of, the state whose health was judged. */
export type Memory = ReadonlyMap<string, string>

/** The applications whose value is not the one that is remembered. Whoever acts on them says so with `remember` afterwards. */
export async function changedSince(redis: Redis, cluster: string, topic: string, values: Memory): Promise<readonly string[]> {
  if (values.size === 0) return []
  const names = [...values.keys()]
  const before = await redis.hmget(memoryKey(cluster, topic), ...names)
  return names.filter((name, index) => before[index] !== values.get(name))
}

/** Remembers what was acted on: a worker that ends, or a Redis that goes away, in between leaves it to be done again. */
export async function remember(redis: Redis, cluster: string, topic: string, values: Memory): Promise<void> {
  if (values.size > 0) await redis.hset(memoryKey(cluster, topic), ...[...values].flat())
}

/** Forgets all but these, and says which: what is configured again later is new. */
export async function forgetOthers(redis: Redis, cluster: string, topic: string, names: ReadonlySet<string>): Promise<readonly string[]> {
  const gone = (await redis.hkeys(memoryKey(cluster, topic))).filter((name) => !names.has(name))
  if (gone.length > 0) await redis.hdel(memoryKey(cluster, topic), ...gone)
  return gone
}

function memoryKey(cluster: string, topic: string): string {
  return `${clusterKeys(cluster).prefix}:remembered:${topic}`
}

/** The drift that is shown of each application because nobody repaired it, as stored; applications without any are missing. */
export async function readShownDrift(redis: Redis, cluster: string, applications: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (applications.length === 0) return new Map()
  const stored = await redis.hmget(clusterKeys(cluster).status, ...applications.map((name) => `${name}/drift`))
  return new Map(applications.flatMap((name, index) => (stored[index] && stored[index] !== '[]' ? [[name, stored[index]] as const] : [])))
}

/** From the last sweep that asked until now; nothing where that is not known, so that the audit goes on from here. */
export async function nextAuditSpan(redis: Redis, cluster: string): Promise<{ readonly from: number; readonly to: number }> {
  const key = `${clusterKeys(cluster).prefix}:audited`
  const to = await clockAt(redis, key)
  const from = Number((await redis.set(key, to, 'GET')) ?? to)
  return { from, to }
}

/** Whether this process is the first of all workers to tell of this drift, within a while. */
export async function claimDrift(redis: Redis, cluster: string, application: string, state: string): Promise<boolean> {
  const key = `${clusterKeys(cluster).prefix}:drift-told:${application}:${sha256(state).slice(0, 16)}`
  return (await redis.set(key, '1', 'PX', DRIFT_TOLD_MS, 'NX')) === 'OK'
}
