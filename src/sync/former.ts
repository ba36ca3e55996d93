import type { Application } from '../model/configuration.ts'
import type { Inventory } from '../model/inventory.ts'
import { applySetId } from '../model/names.ts'
import { newerStanding } from '../model/standing.ts'
import type { FormerName } from '../plan/facts.ts'
import type { Destination, StoredInventory } from './ports.ts'
import { requireOwnInstall } from './own-install.ts'

/** What an application owned under the name that it had before. */
export interface Former extends FormerName {
  /** Its inventory, which goes once the application's own has all of it. */
  readonly stored: StoredInventory
}

/** Undefined where it has no former name, or nothing is left under that. */
export async function readFormer(
  { renamedFrom: name }: Application,
  {
    destination,
    install,
    inventoryNamespace,
  }: { readonly destination: Destination; readonly install: string; readonly inventoryNamespace: string },
  signal: AbortSignal,
): Promise<Former | undefined> {
  const stored = name === undefined ? undefined : await destination.readInventory(name, signal)
  if (name === undefined || stored === undefined) return undefined
  requireOwnInstall(stored.inventory, install)
  return { name, applySet: applySetId(name, inventoryNamespace), stored }
}

/**
 * An inventory as it will be with all of the former one: what a crash has left of an earlier try stands in the application's own already, and
 * is newer. What was applied, and what people said, goes on under the new name.
 */
export function inherit(own: StoredInventory | undefined, { stored: { inventory: former } }: Former, application: string): StoredInventory {
  const base = own?.inventory.revision === undefined ? former : own.inventory
  const hooks = new Map([...(former.hooks ?? []), ...(own?.inventory.hooks ?? [])])
  const inventory: Inventory = {
    ...base,
    application,
    epoch: own?.inventory.epoch ?? 0,
    standing: newerStanding(former.standing ?? {}, own?.inventory.standing ?? {}),
    entries: new Map([...former.entries, ...(own?.inventory.entries ?? [])]),
    ...(hooks.size > 0 && { hooks }),
  }
  return { inventory, shards: own?.shards ?? new Map() }
}
