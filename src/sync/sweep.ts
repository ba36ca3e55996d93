import type { Inventory } from '../model/inventory.ts'
import type { AuditSpan } from '../model/job.ts'
import type { ResourceKind } from '../model/kinds.ts'
import { applySetId, PART_OF_LABEL } from '../model/names.ts'
import { groupKindKey, type ObjectId } from '../model/object.ts'
import { whyUnknown, type Observation, type ObservedObject } from '../model/observation.ts'
import { judge } from '../plan/unchanged.ts'
import { dueForAudit } from './audit.ts'
import type { Destination } from './ports.ts'

/** One object that is not as it was left. */
export interface Deviation {
  readonly object: ObjectId
  readonly reason: 'drifted' | 'suspect' | 'recreated' | 'missing' | 'terminating'
  /** What was seen: the same state need not be reported twice. */
  readonly state: string
}

/** What a sweep found of one application. */
export interface Swept {
  readonly inventory: Inventory
  readonly deviations: readonly Deviation[]
  /** Tracked objects as they are now, for a look at the health of those that moved. */
  readonly seen: readonly ObservedObject[]
  /** How many objects have their turn of the rolling audit. */
  readonly audited: number
}

export interface SweepReport {
  readonly applications: readonly Swept[]
  readonly unlistable: ReadonlyMap<string, string>
  /** Of every tracked object, as far as the cluster serves them. */
  readonly kinds: readonly ResourceKind[]
  /** Inventories that could not be read. */
  readonly problems: readonly Error[]
}

/**
 * Compares every inventory of a cluster with the cluster: one LIST of inventories and one metadata LIST per kind, for all
 * applications together. Reads only; what it finds wakes the ordinary syncs.
 */
export async function sweep(
  destination: Destination,
  inventoryNamespace: string,
  audit: AuditSpan,
  signal: AbortSignal,
): Promise<SweepReport> {
  const { inventories, problems } = await destination.readInventories(signal)
  const kinds = await kindsOf(
    inventories.map(({ inventory }) => inventory),
    destination,
    signal,
  )
  const observation = await destination.observe(kinds, undefined, signal)
  const applications = inventories.map(({ inventory }) => ({
    ...compare(inventory, observation, inventoryNamespace),
    audited: dueForAudit(inventory.application, inventory.entries.keys(), audit).size,
  }))
  return { applications, unlistable: observation.unlistable, kinds, problems }
}

/** Every kind that these inventories track, once. */
export async function kindsOf(inventories: readonly Inventory[], destination: Destination, signal: AbortSignal): Promise<ResourceKind[]> {
  const catalog = await destination.catalog({ refresh: false }, signal)
  const kinds = new Map<string, ResourceKind>()
  for (const { entries } of inventories) {
    for (const { object, version } of entries.values()) {
      if (kinds.has(groupKindKey(object))) continue
      const resource = catalog.find(object, version) ?? catalog.preferred(object)
      if (resource !== undefined) kinds.set(groupKindKey(object), resource)
    }
  }
  return [...kinds.values()]
}

/** Pure. Objects whose kind could not be listed are unknown: nothing is said about them. */
export function compare(inventory: Inventory, observation: Observation, inventoryNamespace: string): Omit<Swept, 'audited'> {
  const applySet = applySetId(inventory.application, inventoryNamespace)
  const deviations: Deviation[] = []
  const seenObjects: ObservedObject[] = []
  for (const [key, entry] of inventory.entries) {
    const listed = observation.objects.get(key)
    const seen = listed?.labels[PART_OF_LABEL] === applySet ? listed : undefined
    if (seen === undefined) {
      const isUnknown = whyUnknown(observation, entry.object) !== undefined
      if (entry.status === 'owned' && !isUnknown) deviations.push({ object: entry.object, reason: 'missing', state: entry.uid })
      continue
    }
    seenObjects.push(seen)
    const verdict = entry.status === 'owned' ? judge(entry, seen, entry.sent) : 'suspect'
    if (verdict === 'unchanged' || verdict === 'outdated') continue
    deviations.push({
      object: entry.object,
      reason: verdict,
      state: `${seen.uid} ${seen.generation ?? seen.resourceVersion} ${seen.fields}`,
    })
  }
  return { inventory, deviations, seen: seenObjects }
}
