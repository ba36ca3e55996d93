import { sha256 } from '../model/digest.ts'
import type { HookEntry, HookKey } from '../model/hook.ts'
import type { Inventory } from '../model/inventory.ts'
import { canonicalJson } from '../model/json.ts'
import { objectKey } from '../model/object.ts'
import { waveOf } from '../plan/annotations.ts'
import { readHook } from '../plan/hook-annotations.ts'
import type { PlannedHook } from '../plan/hooks.ts'
import { removeLeftover, type HookWork } from './hook-run.ts'
import { openHooks } from './hooks.ts'
import type { WriteOptions } from './ports.ts'
import type { Stopped } from './waves.ts'

/**
 * Runs an application's post-delete hooks, from the manifests that its inventory has kept, and removes whatever its hooks have made. For when
 * its objects are deleted and before its inventory is; undefined where nothing is left to be done. It may be called again after a crash.
 */
export async function runDeletionHooks(
  { hooks: entries = new Map(), revision = '' }: Pick<Inventory, 'hooks' | 'revision'>,
  work: Omit<HookWork, 'revision'>,
  options: WriteOptions,
): Promise<Stopped | undefined> {
  const planned = [...entries].flatMap(([key, entry]) => plannedFrom(key, entry))
  const hooks = openHooks({ planned, entries, work: { ...work, revision } })
  await hooks.removeLeftovers(options)
  const stopped = await hooks.run(planned, options)
  // What failed stays for who looks into it, and is tried again.
  if (stopped !== undefined) return stopped
  for (const entry of hooks.entries()?.values() ?? []) await removeLeftover(entry, { ...work, revision }, options)
  return undefined
}

function plannedFrom(key: HookKey, { phase, object, manifest }: HookEntry): PlannedHook[] {
  if (phase !== 'post-delete' || manifest === undefined) return []
  const annotations = manifest.metadata.annotations ?? {}
  const desired = {
    object,
    key: objectKey(object),
    manifest,
    sent: sha256(canonicalJson(manifest)),
    origin: { file: 'the inventory', document: 1 },
    resource: undefined,
    awaitsDefinition: false,
    wave: waveOf(annotations),
  }
  return [{ phase, key, desired, deletePolicies: readHook(annotations)?.deletePolicies ?? [], due: true }]
}
