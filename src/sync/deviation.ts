import type { Inventory, InventoryEntry } from '../model/inventory.ts'
import { applySetId, PART_OF_LABEL } from '../model/names.ts'
import type { ObjectId } from '../model/object.ts'
import { whyUnknown, type Observation, type ObservedObject } from '../model/observation.ts'
import { judge } from '../plan/unchanged.ts'

/** One object that is not as it was left. */
export interface Deviation {
  readonly object: ObjectId
  readonly reason: 'drifted' | 'suspect' | 'recreated' | 'missing' | 'terminating'
  /** What was seen: the same state need not be reported twice. */
  readonly state: string
}

/** Pure. Objects whose kind could not be listed are unknown: nothing is said about them. */
export function compare(inventory: Inventory, observation: Observation, inventoryNamespace: string): readonly Deviation[] {
  const applySet = applySetId(inventory.application, inventoryNamespace)
  return [...inventory.entries].flatMap(([key, entry]) => {
    const listed = observation.objects.get(key)
    const seen = listed?.labels[PART_OF_LABEL] === applySet ? listed : undefined
    return (seen === undefined ? missing(entry, observation) : deviation(entry, seen)) ?? []
  })
}

/** What is in one inventory and is not seen. */
export function missing(entry: InventoryEntry, observation: Omit<Observation, 'objects'>): Deviation | undefined {
  if (entry.status !== 'owned' || whyUnknown(observation, entry.object) !== undefined) return undefined
  return { object: entry.object, reason: 'missing', state: entry.uid }
}

/** How an object differs from what was left, if it does. */
export function deviation(entry: InventoryEntry, seen: ObservedObject): Deviation | undefined {
  const verdict = entry.status === 'owned' ? judge(entry, seen, entry.sent) : 'suspect'
  if (verdict === 'unchanged' || verdict === 'outdated') return undefined
  return { object: entry.object, reason: verdict, state: `${seen.uid} ${seen.generation ?? seen.resourceVersion} ${seen.fields}` }
}
