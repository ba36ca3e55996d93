import { sha256 } from '../model/digest.ts'
import type { Inventory } from '../model/inventory.ts'
import { applySetId } from '../model/names.ts'
import type { ObjectId, ObjectKey } from '../model/object.ts'
import type { Glimpse, Observation } from '../model/observation.ts'
import { isAsLeft } from '../plan/unchanged.ts'
import type { Destination, StoredInventory } from './ports.ts'
import { deviation, missing, type Deviation } from './deviation.ts'

/** What was found of one application. */
export interface Found {
  readonly inventory: Inventory
  readonly deviations: readonly Deviation[]
  /** Tracked objects that are there. */
  readonly present: readonly ObjectId[]
  /** Of those that have a health, the state that was seen: as long as it is the same, so is their health. */
  readonly healthState: string
}

/** What was found of one tracked object: nothing, mostly. */
interface Finding {
  readonly deviation?: Deviation
  /** Its state, where it has a health. */
  readonly health?: string
}
const AS_LEFT: Finding = {}

/** Ticks off what a survey shows in the inventories, so that of a whole cluster no more is kept than what is not as it was left. */
export interface Roll {
  show(glimpse: Glimpse): void
  /** What was found of each application; what was not shown is missing, unless the survey could not list it. */
  close(survey: Omit<Observation, 'objects'>): readonly Found[]
}

export function openRoll(
  inventories: readonly StoredInventory[],
  inventoryNamespace: string,
  { hasHealth }: Pick<Destination, 'hasHealth'>,
): Roll {
  const rows = new Map(
    inventories.map(({ inventory }) => [
      applySetId(inventory.application, inventoryNamespace),
      { inventory, found: new Map<ObjectKey, Finding>() },
    ]),
  )

  function show(glimpse: Glimpse): void {
    const row = rows.get(glimpse.applySet)
    const entry = row?.inventory.entries.get(glimpse.key)
    if (row === undefined || entry === undefined) return
    const health = hasHealth(entry.object) ? { health: `${glimpse.uid} ${glimpse.resourceVersion}` } : undefined
    if (entry.status === 'owned' && isAsLeft(entry, glimpse)) return void row.found.set(glimpse.key, health ?? AS_LEFT)
    const seen = glimpse.decode()
    const deviates = seen && deviation(entry, seen)
    row.found.set(glimpse.key, deviates === undefined ? (health ?? AS_LEFT) : { ...health, deviation: deviates })
  }

  return {
    show,
    close: (survey) => [...rows.values()].map(({ inventory, found }) => ({ inventory, ...sum(inventory, found, survey) })),
  }
}

function sum(inventory: Inventory, found: ReadonlyMap<ObjectKey, Finding>, survey: Omit<Observation, 'objects'>): Omit<Found, 'inventory'> {
  const entries = [...inventory.entries]
  const states = entries.flatMap(([key]) => found.get(key)?.health ?? [])
  return {
    deviations: entries.flatMap(([key, entry]) => {
      const finding = found.get(key)
      return (finding === undefined ? missing(entry, survey) : finding.deviation) ?? []
    }),
    present: entries.flatMap(([key, { object }]) => (found.has(key) ? [object] : [])),
    healthState: sha256(states.join('\n')),
  }
}
