import type { InventoryEntry } from '../model/inventory.ts'
import { objectKey } from '../model/object.ts'
import { whyUnknown, type Observation } from '../model/observation.ts'
import type { PlannedChange } from '../model/plan.ts'
import type { SyncResult } from '../model/result.ts'
import { stageOf } from '../plan/stages.ts'
import type { Leaving } from './leaving.ts'
import { problemOfChanges } from './run.ts'
import { kindsOf } from './sweep.ts'
import { together } from './together.ts'

/** The objects stay as they are; the label, our annotations, our name as the owner of fields and the inventory go. */
export async function detach(leaving: Leaving): Promise<SyncResult> {
  const { destination, stored, run, options } = leaving
  const left = await run.time('release', () => releaseAll([...stored.inventory.entries.values()], leaving))
  run.changes = left
  const failed = left.filter(({ action }) => action === 'failed')
  if (failed.length > 0)
    return run.end(
      'failed',
      `${failed.length} of ${left.length} objects still carry gitwake's marks`,
      problemOfChanges('release-refused', failed),
    )
  await destination.deleteInventory(stored, options)
  return run.end('synced', `detached: ${left.length} objects stay as they are, without gitwake's marks`)
}

/** Takes our marks from these objects, as far as they carry them. */
export async function releaseAll(entries: readonly InventoryEntry[], leaving: Leaving): Promise<readonly PlannedChange[]> {
  const { destination, stored, applySet, options } = leaving
  const kinds = await kindsOf([stored.inventory], destination, options.signal)
  const observation = await destination.observe(kinds, applySet, options.signal)
  return await together(entries, leaving, (entry, guarded) => release(entry, observation, guarded))
}

async function release(
  entry: InventoryEntry,
  observation: Observation,
  { destination, applySet, options }: Leaving,
): Promise<PlannedChange> {
  const { object, version } = entry
  const change = { object, stage: stageOf(object), operation: { verb: 'none' } } as const
  const unknown = whyUnknown(observation, object)
  if (unknown !== undefined) return { ...change, action: 'failed', reason: unknown, retryable: true }
  if (!observation.objects.has(objectKey(object))) return { ...change, action: 'released', reason: 'carries no mark of ours any more' }
  const catalog = await destination.catalog({ refresh: false }, options.signal)
  const resource = catalog.find(object, version) ?? catalog.preferred(object)
  if (resource === undefined) return { ...change, action: 'released', reason: 'its kind is gone, and it with it' }
  const answer = await destination.release(object, applySet, resource, options)
  if (answer.ok) return { ...change, action: 'released', reason: 'stays as it is, without our marks' }
  return { ...change, action: 'failed', reason: `could not be released: ${answer.message}`, retryable: answer.retryable }
}
