import type { Inventory } from '../model/inventory.ts'
import type { AuditSpan } from '../model/job.ts'
import type { ResourceKind } from '../model/kinds.ts'
import { groupKindKey } from '../model/object.ts'
import { dueForAudit } from './audit.ts'
import type { Unlistable } from '../model/observation.ts'
import type { Destination } from './ports.ts'
import { openRoll, type Found } from './roll.ts'

/** What a sweep found of one application. */
export interface Swept extends Found {
  /** How many objects have their turn of the rolling audit. */
  readonly audited: number
}

export interface SweepReport {
  readonly applications: readonly Swept[]
  readonly unlistable: ReadonlyMap<string, Unlistable>
  /** Of every tracked object, as far as the cluster serves them. */
  readonly kinds: readonly ResourceKind[]
  /** Inventories that could not be read. */
  readonly problems: readonly Error[]
}

/**
 * Compares every inventory of this installation in a cluster with the cluster: one LIST of inventories and one metadata LIST per kind, for all
 * applications together. Reads only; what it finds wakes the ordinary syncs.
 */
export async function sweep(
  destination: Destination,
  { inventoryNamespace, installation }: { readonly inventoryNamespace: string; readonly installation: string },
  audit: AuditSpan,
  signal: AbortSignal,
): Promise<SweepReport> {
  const { inventories: all, problems } = await destination.readInventories(signal)
  // What another installation keeps beside ours is none of ours: its kinds may be others than we have a right to.
  const inventories = all.filter(({ inventory }) => inventory.install === installation)
  const kinds = await kindsOf(
    inventories.map(({ inventory }) => inventory),
    destination,
    signal,
  )
  const roll = openRoll(inventories, inventoryNamespace, destination)
  const survey = await destination.survey(kinds, roll.show, signal)
  const applications = roll.close(survey).map((found) => ({
    ...found,
    audited: dueForAudit(found.inventory.application, found.inventory.entries.keys(), audit).size,
  }))
  return { applications, unlistable: survey.unlistable, kinds, problems }
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
