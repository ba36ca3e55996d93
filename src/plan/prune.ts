import type { Inventory, InventoryEntry } from '../model/inventory.ts'
import { PART_OF_LABEL, PRUNE_ANNOTATION } from '../model/names.ts'
import { groupKindKey, type ObjectKey } from '../model/object.ts'
import { displayDeletion, whyUnknown, type Observation, type ObservedObject } from '../model/observation.ts'
import type { PlannedChange } from '../model/plan.ts'
import { readAnnotations, waveOf } from './annotations.ts'
import type { FormerName } from './facts.ts'
import type { Found } from './questions.ts'
import { stageOf } from './stages.ts'

/** Kinds whose deletion takes data or other people's objects with it: only with `gitwake.dev/prune: enabled`. */
const OPT_IN = new Set(['/Namespace', 'apiextensions.k8s.io/CustomResourceDefinition', '/PersistentVolume', '/PersistentVolumeClaim'])

export interface PruneFacts {
  readonly inventory: Inventory
  readonly wanted: ReadonlySet<ObjectKey>
  readonly observation: Observation
  readonly found: ReadonlyMap<ObjectKey, Found>
  /** Milliseconds since 1970, by the API server's clock. */
  readonly now: number
  readonly applySet: string
  readonly former?: FormerName | undefined
  /** `sync.prune` of the application. */
  readonly enabled: boolean
  readonly restored: boolean
}

/**
 * One change per tracked object that Git no longer wants; `look` lists those that the LIST did not show and that a GET must decide, `asking`
 * the prunes that their annotation wants confirmed.
 */
export function planPrunes(facts: PruneFacts): { changes: PlannedChange[]; look: InventoryEntry[]; asking: PlannedChange[] } {
  const changes: PlannedChange[] = []
  const asking: PlannedChange[] = []
  const look: InventoryEntry[] = []
  for (const [key, entry] of facts.inventory.entries) {
    if (facts.wanted.has(key)) continue
    const seen = facts.observation.objects.get(key) ?? facts.found.get(key)
    if (seen === undefined) {
      const unknown = whyUnknown(facts.observation, entry.object)
      if (unknown !== undefined) changes.push(leave(entry, 'skipped', `not in Git any more, but ${unknown}: not pruned`))
      else look.push(entry)
    } else if (seen === 'absent') changes.push(absent(entry, facts.now))
    else {
      const change = prune(entry, seen, facts)
      changes.push(change)
      if (change.operation.verb === 'delete' && readAnnotations(seen.annotations).policy.prune === 'confirm') asking.push(change)
    }
  }
  return { changes, look, asking }
}

/**
 * An API server that a sync has asked to create something carries it out for so long at most (its --request-timeout, of 60 s unless set), whether
 * or not anybody still waits for the answer. With a margin for a clock that is known to about half a second.
 */
const UNDER_WAY_MS = 65_000

function absent(entry: InventoryEntry, now: number): PlannedChange {
  const mayArrive = entry.status === 'intended' && (entry.missedAt === undefined || now < Date.parse(entry.missedAt) + UNDER_WAY_MS)
  if (!mayArrive) return leave(entry, 'released', 'not in Git any more, and gone from the cluster')
  const reason = 'not in Git any more, and not there; remembered for a minute, because a sync that was interrupted may have sent it'
  return { ...leave(entry, 'skipped', reason), missed: true }
}

function prune(entry: InventoryEntry, seen: ObservedObject, facts: PruneFacts): PlannedChange {
  const kept = reasonToKeep(entry, seen, facts)
  if (kept !== undefined) return kept
  return {
    object: entry.object,
    action: 'pruned',
    reason: 'not in Git any more',
    stage: stageOf(entry.object),
    ...waveField(seen),
    operation: { verb: 'delete', version: seen.version, uid: seen.uid, resourceVersion: seen.resourceVersion },
  }
}

/** Labels alone never delete: what is not provably ours is released, and told. */
function reasonToKeep(
  entry: InventoryEntry,
  seen: ObservedObject,
  { applySet, former, enabled, restored }: PruneFacts,
): PlannedChange | undefined {
  const isLabelled = [applySet, former?.applySet ?? applySet].includes(seen.labels[PART_OF_LABEL] ?? '')
  if (!isLabelled && (entry.status === 'intended' || entry.uid === seen.uid))
    return leave(entry, 'released', 'not in Git any more; our label was removed from it, so it is no longer ours')
  if (!isLabelled) return leave(entry, 'released', 'not in Git any more; somebody else recreated it, without our label')
  if (seen.controller !== undefined) return leave(entry, 'released', `not in Git any more; ${seen.controller} controls it now`)
  if (entry.status === 'owned' && entry.uid !== seen.uid) return leave(entry, 'released', 'not in Git any more; somebody else recreated it')
  const isReplaced = entry.status === 'intended' && entry.replaces === seen.uid
  if (entry.status === 'intended' && !isReplaced && (seen.fields === undefined || seen.createdAt < entry.since)) {
    return leave(entry, 'released', 'not in Git any more; it existed before gitwake meant to create it')
  }
  if (seen.terminating)
    return { ...leave(entry, 'skipped', `not in Git any more; ${displayDeletion(seen)}`), ...waveField(seen), ...leavingFields(seen) }
  if (former !== undefined)
    return leave(entry, 'skipped', `not in Git any more; kept this time, because it is taken over from ${former.name}`)
  if (restored) return leave(entry, 'skipped', 'not in Git any more; kept this time, because the cluster was restored')
  // Its manifest is gone from Git: what was applied last speaks for it. Whoever adds an annotation by hand can only keep what Git drops.
  const { policy } = readAnnotations(seen.annotations)
  if (policy.prune === 'disabled') return leave(entry, 'skipped', 'not in Git any more; kept by its annotation')
  if (policy.apply === 'never') return leave(entry, 'released', 'not in Git any more; its annotation says never to touch it')
  if (!enabled) return leave(entry, 'skipped', 'not in Git any more; kept because sync.prune is false')
  if (OPT_IN.has(groupKindKey(entry.object)) && policy.prune !== 'enabled') {
    return leave(entry, 'skipped', `not in Git any more; a ${entry.object.kind} is only pruned with ${PRUNE_ANNOTATION}: enabled`)
  }
  return undefined
}

/** Whether an object asks for something else than when its prune was planned: whoever annotates it while earlier ones go wants to keep it. */
export function asksOtherwise(before: ObservedObject, now: ObservedObject): boolean {
  const [then, since] = [before, now].map(({ annotations }) => readAnnotations(annotations).policy)
  return then?.prune !== since?.prune || then?.apply !== since?.apply
}

/** Finalizers that never go hold nobody else up, but somebody should know whose they are. */
function leavingFields({ uid, version, createdAt, deletion }: ObservedObject): Pick<PlannedChange, 'fix' | 'leaving'> {
  const leaving = { uid, version, since: deletion?.since ?? createdAt }
  return deletion === undefined || deletion.finalizers.length === 0 ? { leaving } : { leaving, fix: STUCK }
}

export const STUCK = 'If this does not end: look at the controllers that those finalizers belong to.'

/** What was applied last says where it stands in the order. */
function waveField({ annotations }: ObservedObject): Pick<PlannedChange, 'wave'> {
  const wave = waveOf(annotations)
  return wave === 0 ? {} : { wave }
}

function leave(entry: InventoryEntry, action: 'released' | 'skipped', reason: string): PlannedChange {
  return { object: entry.object, action, reason, stage: stageOf(entry.object), operation: { verb: 'none' } }
}
