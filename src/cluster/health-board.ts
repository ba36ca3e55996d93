import { healthOf } from '../health/health.ts'
import { worstHealth, type Health, type ObjectHealth } from '../model/health.ts'
import { objectIdOf, objectKey, type LiveObject, type ObjectId, type ObjectKey } from '../model/object.ts'
import type { HealthReport } from '../sync/ports.ts'

/** How long a failure must last before it ends a wait: the controller may be about to start on the new generation. */
const FAILURE_GRACE_MS = 1000

/** What is known of the objects that a wait is about. Pure: whoever feeds it brings the time (milliseconds since 1970). */
export interface HealthBoard {
  /** An object as it is now; others are ignored. */
  saw(object: LiveObject, now: number): void
  gone(object: LiveObject): void
  /** An object's Pods show that it will not come up, whatever its own status says yet. Holds until the object changes. */
  condemn(object: ObjectId, reason: string, now: number): void
  /** The objects of this kind cannot be read. */
  unreadable(kind: { readonly group: string; readonly kind: string }, why: string): void
  /** Some kinds fail by mere passing of time (a Pod that finds no node). */
  tick(now: number): void
  /** Whether there is anything left to wait for. */
  settled(now: number): boolean
  /** Objects that are still coming up, with their last state. */
  pending(): readonly LiveObject[]
  report(ended: HealthReport['ended']): HealthReport
}

interface Entry {
  readonly object: ObjectId
  readonly health: Health
  readonly live?: LiveObject
  readonly failedSince?: number
}

export function createHealthBoard(objects: readonly ObjectId[]): HealthBoard {
  const entries = new Map<ObjectKey, Entry>(
    objects.map((object) => [objectKey(object), { object, health: { status: 'unknown', message: 'It does not exist in the cluster' } }]),
  )

  function put(entry: Entry | undefined, health: Health, live: LiveObject | undefined, now: number): void {
    if (entry === undefined) return
    const failedSince = health.status === 'failed' ? (entry.failedSince ?? now) : undefined
    // What is current needs no second look: only the others are kept in memory.
    const kept = health.status === 'current' ? undefined : live
    entries.set(objectKey(entry.object), {
      object: entry.object,
      health,
      ...(kept && { live: kept }),
      ...(failedSince !== undefined && { failedSince }),
    })
  }

  return {
    saw(live, now) {
      put(entries.get(objectKey(objectIdOf(live))), healthOf(live, now), live, now)
    },
    gone(live) {
      put(entries.get(objectKey(objectIdOf(live))), { status: 'unknown', message: 'It was deleted meanwhile' }, undefined, 0)
    },
    condemn(object, reason, now) {
      const entry = entries.get(objectKey(object))
      // What its Pods show has lasted already: no grace.
      put(entry && { ...entry, failedSince: now - FAILURE_GRACE_MS }, { status: 'failed', message: reason }, entry?.live, now)
    },
    unreadable({ group, kind }, why) {
      for (const entry of entries.values()) {
        if (entry.object.group !== group || entry.object.kind !== kind) continue
        put(entry, { status: 'unknown', message: `It cannot be read: ${why}` }, undefined, 0)
      }
    },
    tick(now) {
      for (const entry of entries.values()) {
        if (entry.health.status === 'in progress' && entry.live !== undefined) put(entry, healthOf(entry.live, now), entry.live, now)
      }
    },
    settled(now) {
      const all = [...entries.values()]
      if (all.some(({ failedSince }) => failedSince !== undefined && now - failedSince >= FAILURE_GRACE_MS)) return true
      // Nothing that is unknown gets known by waiting: it was not there, or may not be read.
      return all.every(({ health }) => health.status === 'current' || health.status === 'unknown')
    },
    pending: () =>
      [...entries.values()].flatMap(({ health, live }) => (health.status === 'in progress' && live !== undefined ? [live] : [])),
    report(ended) {
      const healths: ObjectHealth[] = [...entries.values()].map(({ object, health }) => ({ object, ...health }))
      return { status: worstHealth(healths.map(({ status }) => status)), objects: healths, ended }
    },
  }
}
