import type { Application } from '../model/configuration.ts'
import { newerStanding, type Standing } from '../model/standing.ts'
import type { StoredInventory } from './ports.ts'
import type { ProposePorts } from './propose.ts'
import { emptyInventory } from './tracking.ts'

/**
 * Keeps in the cluster what was said of an application, before anything else is written there. Returns the inventory with what holds: the
 * newer of what was said lately and of what it kept already (a Redis that was emptied says nothing).
 */
export async function keepStanding(
  said: Standing,
  stored: StoredInventory | undefined,
  { application, signal }: { readonly application: Application; readonly signal: AbortSignal },
  { destination, install }: ProposePorts,
): Promise<StoredInventory | undefined> {
  const kept = stored?.inventory.standing ?? {}
  const standing = newerStanding(kept, said)
  if (JSON.stringify(standing) === JSON.stringify(kept)) return stored
  const inventory = stored?.inventory ?? emptyInventory(application.name, install)
  return await destination.writeInventory({ ...inventory, epoch: inventory.epoch + 1, standing }, stored, { signal })
}
