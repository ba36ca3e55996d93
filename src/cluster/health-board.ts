import type { HealthRules } from '../health/rules.ts'
import { worstHealth, type Health, type ObjectHealth } from '../model/health.ts'
import { objectIdOf, objectKey, type GroupKind, type LiveObject, type ObjectId, type ObjectKey } from '../model/object.ts'
import type { HealthReport } from '../sync/ports.ts'

/** How long a failure must last before it ends a wait: the controller may be about to start on the new generation. */
const FAILURE_GRACE_MS = 1000

/** What is known of the objects that a wait is about. Pure: whoever feeds it brings the time (milliseconds since 1970). */
export interface HealthBoard {
  /** An object as it is now; others are ignored. */
  saw(object: LiveObject, now: number): void
  gone(object: LiveObject): void
  /** An object's Pods show that it will not come up, whatever its own status says yet. Holds until the object changes. */
  condemn(object: ObjectId, trouble: Trouble, now: number): void
  /** What a failed object's Pods have to say about it. */
  explain(object: ObjectId, trouble: Trouble): void
  /** Whether its Pods have told already. */
  isExplained(object: ObjectId): boolean
  /** The objects of this kind cannot be read there. */
  unreadable(part: Part, why: string): void
  /** Whether objects of this kind have never been seen there. */
  misses(part: Part): boolean
  /** Some kinds fail by mere passing of time (a Pod that finds no node). */
  tick(now: number): void
  /** Whether there is anything left to wait for. */
  settled(now: number): boolean
  /** Objects that are still coming up, with their last state. */
  pending(): readonly LiveObject[]
  /** Objects that have failed, with their last state. */
  failed(): readonly LiveObject[]
  report(ended: HealthReport['ended']): HealthReport
}

/** The objects of one kind, in one namespace or ('') in all. */
export interface Part extends GroupKind {
  readonly namespace: string
}

/** Why Pods do not come up, and the last lines that the one at fault wrote. */
export interface Trouble {
  /** A sentence; '' where the object's own status says it. */
  readonly reason: string
  readonly log: readonly string[]
}

interface Entry {
  readonly object: ObjectId
  readonly health: Health
  readonly live?: LiveObject
  /** Of the object as it was last told: what is older comes too late. */
  readonly version?: bigint
  readonly failedSince?: number
  readonly log?: readonly string[]
}

export function createHealthBoard(objects: readonly ObjectId[], rules: HealthRules): HealthBoard {
  const entries = new Map<ObjectKey, Entry>(
    objects.map((object) => [objectKey(object), { object, health: { status: 'unknown', message: 'It does not exist in the cluster' } }]),
  )

  function put(entry: Entry, health: Health, live: LiveObject | undefined, now: number): Entry {
    const failedSince = health.status === 'failed' ? (entry.failedSince ?? now) : undefined
    // What is current needs no second look: only the others are kept in memory.
    const kept = health.status === 'current' ? undefined : live
    const next: Entry = {
      object: entry.object,
      health,
      ...(entry.version !== undefined && { version: entry.version }),
      ...(kept && { live: kept }),
      ...(failedSince !== undefined && { failedSince }),
    }
    entries.set(objectKey(entry.object), next)
    return next
  }

  /** The entry of an object that is told about, unless what is told is older than what is known: a LIST may be overtaken by an event. */
  function newer(live: LiveObject): Entry | undefined {
    const entry = entries.get(objectKey(objectIdOf(live)))
    const version = versionOf(live)
    if (entry === undefined || version === undefined) return entry
    return entry.version !== undefined && version < entry.version ? undefined : { ...entry, version }
  }

  return {
    saw(live, now) {
      const entry = newer(live)
      if (entry !== undefined) put(entry, rules.of(live, now), live, now)
    },
    gone(live) {
      const entry = newer(live)
      if (entry !== undefined) put(entry, { status: 'unknown', message: 'It was deleted meanwhile' }, undefined, 0)
    },
    condemn(object, { reason, log }, now) {
      const entry = entries.get(objectKey(object))
      if (entry === undefined) return
      // What its Pods show has lasted already: no grace.
      const condemned = put({ ...entry, failedSince: now - FAILURE_GRACE_MS }, { status: 'failed', message: reason }, entry.live, now)
      entries.set(objectKey(object), { ...condemned, log })
    },
    explain(object, { reason, log }) {
      const entry = entries.get(objectKey(object))
      if (entry?.health.status !== 'failed') return
      const message = reason === '' ? entry.health.message : `${entry.health.message}; ${reason}`
      entries.set(objectKey(object), { ...entry, health: { status: 'failed', message }, log })
    },
    isExplained: (object) => entries.get(objectKey(object))?.log !== undefined,
    unreadable(part, why) {
      for (const entry of entries.values()) {
        if (isPartOf(entry.object, part)) put(entry, { status: 'unknown', message: `It cannot be read: ${why}` }, undefined, 0)
      }
    },
    misses: (part) => [...entries.values()].some(({ object, version }) => isPartOf(object, part) && version === undefined),
    tick(now) {
      for (const entry of entries.values()) {
        if (entry.health.status === 'in progress' && entry.live !== undefined) put(entry, rules.of(entry.live, now), entry.live, now)
      }
    },
    settled(now) {
      const all = [...entries.values()]
      if (all.some(({ failedSince }) => failedSince !== undefined && now - failedSince >= FAILURE_GRACE_MS)) return true
      // What is not there, or may not be read, does not get known by waiting. What could not be judged may, once its status is filled in.
      return all.every(({ health, live }) => health.status === 'current' || (health.status === 'unknown' && live === undefined))
    },
    pending: () => livesIn('in progress'),
    failed: () => livesIn('failed'),
    report(ended) {
      const healths: ObjectHealth[] = [...entries.values()].map(({ object, health, log }) => ({
        object,
        ...health,
        ...(log !== undefined && log.length > 0 && { log }),
      }))
      return { status: worstHealth(healths.map(({ status }) => status)), objects: healths, ended }
    },
  }

  function livesIn(status: Health['status']): readonly LiveObject[] {
    return [...entries.values()].flatMap(({ health, live }) => (health.status === status && live !== undefined ? [live] : []))
  }
}

function isPartOf(object: ObjectId, { group, kind, namespace }: Part): boolean {
  return object.group === group && object.kind === kind && (namespace === '' || object.namespace === namespace)
}

/** Versions of one kind can be compared: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions */
function versionOf({ metadata }: LiveObject): bigint | undefined {
  const version = metadata.resourceVersion ?? ''
  return /^[1-9]\d*$/.test(version) ? BigInt(version) : undefined
}
