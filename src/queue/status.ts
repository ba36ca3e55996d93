import type { Redis } from '../model/redis.ts'
import { answerOf } from '../model/answer.ts'
import type { HealthStatus, ObjectHealth } from '../model/health.ts'
import { clusterKeys } from '../model/keys.ts'
import type { Change } from '../model/plan.ts'
import type { PollFails, SyncResult, WaitsFor } from '../model/result.ts'

/** What a worker knows of an application; a piece that is absent stays as it was published before. */
export interface StatusPieces {
  /** Newest head seen of the ref. */
  readonly head?: { readonly revision: string; readonly seenAt: number }
  /** What the cluster carries. */
  readonly applied?: { readonly revision: string; readonly at: number }
  readonly health?: HealthStatus
  /** The objects that make it so; [] clears them. */
  readonly unhealthy?: readonly ObjectHealth[]
  /** Objects that drifted and were not repaired; [] clears it. */
  readonly drift?: readonly Change[]
  /** What it waits for; null for nothing. */
  readonly waiting?: WaitsFor | null
  /** Null once its repository has been reached. */
  readonly pollFails?: PollFails | null
}

/** Publishes pieces of an application's status: after a sync by the worker itself, and by every poll and sweep. */
export async function publishStatus(redis: Redis, cluster: string, application: string, pieces: StatusPieces): Promise<void> {
  const fields = statusFields(application, pieces)
  if (fields.length > 0) await redis.hset(clusterKeys(cluster).status, ...fields)
}

/** The (field, value) pairs under which pieces are stored: each piece has a field, so that writers need not read. */
export function statusFields(application: string, pieces: StatusPieces): readonly string[] {
  return Object.entries(pieces).flatMap(([piece, value]: [string, unknown]) =>
    value === undefined ? [] : [`${application}/${piece}`, JSON.stringify(value)],
  )
}

const MOST_UNHEALTHY = 10

/** Health as it is published: with the objects that are not well, the worst first. */
export function healthPieces(status: HealthStatus, objects: readonly ObjectHealth[]): Required<Pick<StatusPieces, 'health' | 'unhealthy'>> {
  const sick = objects.filter((object) => object.status !== 'current')
  const failed = sick.filter((object) => object.status === 'failed')
  return { health: status, unhealthy: [...failed, ...sick.filter((object) => object.status !== 'failed')].slice(0, MOST_UNHEALTHY) }
}

/** Whether what was stored says the same. A sync has read the log of a container that fails, a look at its health has not. */
export function isSameHealth(stored: string, unhealthy: readonly ObjectHealth[]): boolean {
  const withoutLogs = (objects: readonly ObjectHealth[]): string =>
    JSON.stringify(objects.map(({ object, status, message }) => [object, status, message]))
  return withoutLogs(JSON.parse(stored) as readonly ObjectHealth[]) === withoutLogs(unhealthy)
}

/** What a finished sync tells about its application. */
export function piecesOf(result: SyncResult): StatusPieces {
  const { revision, outcome, startedAt, finishedAt } = result
  const { waiting = null } = result
  const head = {
    ...(outcome !== 'superseded' && { waiting }),
    ...(revision !== undefined && { head: { revision: result.head ?? revision, seenAt: startedAt }, pollFails: null }),
  }
  // It has not looked at the cluster.
  if (waiting?.for === 'dependencies') return head
  if ((answerOf(result) !== 'answered' && outcome !== 'waiting') || outcome === 'held') return head
  // Not well, and nothing to show for it: this run has not looked, and what was said of its health before still holds.
  const { status, objects } = result.health
  const health = status === 'current' || objects.length > 0 ? healthPieces(status, objects) : { health: status }
  if (outcome === 'drifted' || outcome === 'suspended' || outcome === 'waiting')
    return {
      ...head,
      ...health,
      drift: result.changes.filter((change) => change.drift !== undefined),
    }
  return {
    ...head,
    ...health,
    // What a fight is about, or what a policy leaves alone, is not repaired.
    drift: result.changes.filter(({ action, drift }) => drift !== undefined && action === 'skipped'),
    ...(revision !== undefined && { applied: { revision, at: finishedAt } }),
  }
}
