import type { Inventory, InventoryEntry, OwnedEntry } from '../model/inventory.ts'
import { PART_OF_LABEL } from '../model/names.ts'
import { objectKey, type ObjectKey } from '../model/object.ts'
import type { Observation, ObservedObject } from '../model/observation.ts'

/** An inventory that knows its objects again, and how many of them came back as others. */
export interface Readopted {
  readonly inventory: Inventory
  readonly count: number
  readonly tracked: number
}

/**
 * A cluster that was restored (Velero, an export into a new one) holds the objects that the inventory names, labelled and applied by us, but
 * under new uids. Where that is so for most of them, they are ours again; a single one that somebody made anew is not. Undefined where
 * nothing of the kind has happened. What they carry is proven by a dry-run each: no number of the old ones says anything.
 */
export function readopt(inventory: Inventory, observation: Observation, applySet: string): Readopted | undefined {
  const owned = [...inventory.entries.values()].filter((entry) => entry.status === 'owned')
  const returned = owned.filter((entry) => isReturned(entry, observation.objects.get(objectKey(entry.object)), applySet))
  if (returned.length < 2 || returned.length * 2 <= owned.length) return undefined
  const entries = new Map<ObjectKey, InventoryEntry>(inventory.entries)
  for (const { generation: _generation, ...entry } of returned) {
    const key = objectKey(entry.object)
    entries.set(key, { ...entry, uid: observation.objects.get(key)?.uid ?? entry.uid, resourceVersion: '' })
  }
  return { inventory: { ...inventory, entries }, count: returned.length, tracked: owned.length }
}

function isReturned(entry: OwnedEntry, seen: ObservedObject | undefined, applySet: string): boolean {
  if (seen === undefined || seen.uid === entry.uid || seen.controller !== undefined) return false
  return seen.labels[PART_OF_LABEL] === applySet && seen.fields !== undefined
}
