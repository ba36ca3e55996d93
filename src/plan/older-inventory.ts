import type { Inventory, InventoryEntry } from '../model/inventory.ts'
import { PART_OF_LABEL } from '../model/names.ts'
import { isOurs, type Observation, type ObservedObject } from '../model/observation.ts'
import { judge } from './unchanged.ts'

/** managedFields count in whole seconds, and the API server's clock is known to about half a second. */
const CLOCK_ERROR_MS = 5_000

/**
 * An inventory that was put back from a backup lags behind the cluster: objects that it knows were applied in our name after it was
 * written, and are not as it says. After a run that was not complete that is no wonder, and says nothing.
 */
export function olderWarning(inventory: Inventory | undefined, { objects }: Pick<Observation, 'objects'>, applySet: string): string[] {
  if (inventory?.inputs === undefined || inventory.writtenAt === undefined) return []
  const since = Date.parse(inventory.writtenAt) + CLOCK_ERROR_MS
  const later = [...inventory.entries].filter(([key, entry]) => isLater(entry, objects.get(key), applySet, since)).length
  if (later === 0) return []
  return [
    `the inventory (of ${inventory.writtenAt}) is older than the cluster: ${later} of its ${inventory.entries.size} objects were applied in our name after it was written. Was it put back from a backup? It is brought up to date; objects that it lacks are adopted where Git declares them, and nothing is deleted that it does not know.`,
  ]
}

function isLater(entry: InventoryEntry, seen: ObservedObject | undefined, applySet: string, since: number): boolean {
  if (entry.status !== 'owned' || seen?.uid !== entry.uid || seen.labels[PART_OF_LABEL] !== applySet) return false
  const verdict = judge(entry, seen, entry.sent)
  if (verdict !== 'drifted' && verdict !== 'suspect') return false
  return Date.parse(seen.managedFields.find(isOurs)?.time ?? '') > since
}
