import type { Inventory, InventoryEntry, OwnedEntry } from '../model/inventory.ts'
import { groupKindKey, objectKey, versionOf, type ObjectKey } from '../model/object.ts'
import type { Observation, ObservedObject } from '../model/observation.ts'
import type { Plan, PlannedChange } from '../model/plan.ts'
import { isEmpty } from '../plan/plan.ts'

/** An inventory before the first write of an application. */
export function emptyInventory(application: string, install: string): Inventory {
  return {
    application,
    install,
    epoch: 0,
    revision: undefined,
    inputs: undefined,
    rendered: undefined,
    appliedAt: undefined,
    entries: new Map(),
  }
}

/** The API server's clock is known to about half a second: what is made right after the widening must not seem older than it. */
const CLOCK_ERROR_MS = 1_000

/**
 * The inventory before the first write of a plan: an intended entry for everything that will be made, so that a crash anywhere leaves
 * nothing untracked, and no inputs, so that a crash in the middle is never taken for the commit before. Undefined for an empty plan.
 */
export function widen(inventory: Inventory, plan: Plan, now: number): Inventory | undefined {
  if (isEmpty(plan)) return undefined
  const entries = new Map<ObjectKey, InventoryEntry>(inventory.entries)
  for (const { object, sent, operation } of plan.changes) {
    const key = objectKey(object)
    if (operation.verb !== 'apply' || sent === undefined) continue
    // What was owned and is gone will be another object, with a uid that nobody knows yet.
    const { replaces } = operation
    const before = entries.get(key)
    const isMissed = before?.status === 'intended' && before.missedAt !== undefined
    const isAnnounced = before?.status === 'intended' && !isMissed && replaces === undefined
    if (isAnnounced || (before !== undefined && operation.expect !== 'absent')) continue
    entries.set(key, {
      status: 'intended',
      object,
      version: versionOf(operation.manifest.apiVersion),
      // What was sent before is ours as well, should it arrive first.
      since: isMissed ? before.since : announcedAt(now),
      ...(replaces !== undefined && { replaces: replaces.uid }),
    })
  }
  return { ...inventory, inputs: undefined, epoch: inventory.epoch + 1, entries }
}

/**
 * What is made from `now` on (milliseconds since 1970, by the API server's clock) is no older than this. creationTimestamp has whole
 * seconds: an object made in the second of the widening is younger than it.
 */
export function announcedAt(now: number): string {
  return new Date(now - CLOCK_ERROR_MS).toISOString().replace(/\.\d+Z$/, 'Z')
}

/** What happened to one planned change, as far as the inventory cares. */
export interface Done {
  readonly change: PlannedChange
  /** The object after our write. */
  readonly seen?: ObservedObject
  /** Fields of our write that the cluster did not keep as they were sent. */
  readonly altered?: readonly string[]
  /** Deleted, but still there: it stays tracked until its finalizers let go. */
  readonly lingers?: boolean
  /** Not deleted yet: what must go before it is still there. It stays tracked, and the next sync goes on. */
  readonly postponed?: boolean
}

/**
 * The inventory after a run: what was written is owned, what was pruned or released is forgotten, everything else stays. `now`: milliseconds since
 * 1970, by the API server's clock.
 */
export function narrow(inventory: Inventory, done: readonly Done[], observation: Observation, now: number): Inventory {
  const entries = new Map(inventory.entries)
  for (const { change, seen, lingers } of done) {
    const key = objectKey(change.object)
    if (seen !== undefined && change.sent !== undefined) entries.set(key, owned(change, seen, change.sent, observation))
    else if (change.moved === true) remember(entries, key, observation.objects.get(key))
    else if (change.missed === true) miss(entries, key, now)
    else if ((change.action === 'pruned' && lingers !== true) || change.action === 'released') entries.delete(key)
  }
  return { ...inventory, entries }
}

/** The entry for an object that was just written. `observation`: what was seen before the write. */
export function owned(
  { object }: Pick<PlannedChange, 'object'>,
  seen: ObservedObject,
  sent: string,
  { definitions }: Pick<Observation, 'definitions'>,
): OwnedEntry {
  const definition = definitions.get(groupKindKey(object))
  return {
    status: 'owned',
    object,
    version: seen.version,
    uid: seen.uid,
    sent,
    fields: seen.fields ?? '',
    resourceVersion: seen.resourceVersion,
    ...(seen.generation !== undefined && { generation: seen.generation }),
    ...(definition !== undefined && { definition }),
  }
}

/** A dry-run has shown that nothing differs: only the numbers moved, or a field that is left to others is no longer ours. */
function remember(entries: Map<ObjectKey, InventoryEntry>, key: ObjectKey, seen: ObservedObject | undefined): void {
  const entry = entries.get(key)
  if (entry?.status !== 'owned' || seen === undefined) return
  const { generation, definition, resourceVersion, fields = entry.fields } = seen
  entries.set(key, {
    ...entry,
    resourceVersion,
    fields,
    ...(generation !== undefined && { generation }),
    ...(definition !== undefined && { definition }),
  })
}

/** From the first look on that finds nothing, by whoever has the right to write, nothing new leaves for it. */
function miss(entries: Map<ObjectKey, InventoryEntry>, key: ObjectKey, now: number): void {
  const entry = entries.get(key)
  if (entry?.status === 'intended') entries.set(key, { missedAt: new Date(now).toISOString(), ...entry })
}

/** Does writing `next` change anything that matters, besides epoch and time? */
export function differs(previous: Inventory | undefined, next: Inventory): boolean {
  if (previous === undefined) return next.entries.size > 0 || next.revision !== undefined
  if (previous.inputs !== next.inputs || previous.rendered !== next.rendered || previous.cluster !== next.cluster) return true
  if (JSON.stringify(previous.deletion) !== JSON.stringify(next.deletion)) return true
  if (previous.entries.size !== next.entries.size || previous.hooks !== next.hooks) return true
  for (const [key, entry] of next.entries) {
    const before = previous.entries.get(key)
    if (before !== entry && JSON.stringify(before) !== JSON.stringify(entry)) return true
  }
  return false
}
