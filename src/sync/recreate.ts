import { setTimeout as sleep } from 'node:timers/promises'
import { sha256 } from '../model/digest.ts'
import type { ResourceKind } from '../model/kinds.ts'
import { groupKindKey, objectKey, versionOf, type Manifest, type ObjectId } from '../model/object.ts'
import type { DeleteOperation, PlannedChange } from '../model/plan.ts'
import { readAnnotations } from '../plan/annotations.ts'
import type { Decision } from './decide.ts'
import type { ApplyOperation, Destination, Refused, WriteOptions, Written } from './ports.ts'
import { refusedChange } from './refusal.ts'

/** What their deletion takes along is worth more than the change of a field, or than a fresh run of a hook (promise 18). */
export const NEVER_RECREATED = new Set([
  '/Namespace',
  '/PersistentVolume',
  '/PersistentVolumeClaim',
  'apiextensions.k8s.io/CustomResourceDefinition',
])
/** Kinds that control Pods, which go after them: who must not meet those waits for the dependents. */
export const CONTROLLERS = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'ReplicationController', 'Job', 'CronJob'])
/** Pods are given 30 s to stop unless they ask for more; then a later sync goes on. */
const PATIENCE_MS = 60_000
const PAUSE_MS = 250

/** Whether Git asks for it; it must stand in the plan, because a crash in the middle is covered by what the inventory announces. */
export function mayRecreate({ object, operation }: PlannedChange): boolean {
  if (operation.verb !== 'apply' || NEVER_RECREATED.has(groupKindKey(object))) return false
  return readAnnotations(operation.manifest.metadata.annotations ?? {}).policy.recreate
}

/**
 * A change that the API server refuses only because a field cannot be changed on a live object, as a deletion and a creation, or as failed
 * where the new object would be refused as well; undefined where nobody asked for that, or where the kind is never deleted for it.
 */
export async function recreation(
  change: PlannedChange,
  answer: Refused,
  { facts }: Decision,
  resource: ResourceKind,
  destination: Destination,
  signal: AbortSignal,
): Promise<PlannedChange | undefined> {
  const { operation, object } = change
  if (answer.class !== 'immutable' || operation.verb !== 'apply' || operation.expect === 'absent' || !mayRecreate(change)) return undefined
  // A new object gets what Git says, also what is left to others on the one that goes.
  const manifest = facts.desired.objects.find(({ key }) => key === objectKey(object))?.manifest ?? operation.manifest
  // Nothing is deleted whose successor would be refused.
  const trial = await tryToCreate(manifest, resource, destination, signal)
  if (trial !== undefined)
    return refusedChange(change, {
      ...trial,
      message: `${answer.message}; it is not deleted for that, because the new one is refused: ${trial.message}`,
    })
  const { uid, resourceVersion } = operation.expect
  const version = versionOf(manifest.apiVersion)
  const waitForDependents = CONTROLLERS.has(object.kind) && { waitForDependents: true }
  const replaces: DeleteOperation = { verb: 'delete', version, uid, resourceVersion, ...waitForDependents }
  return {
    ...change,
    action: 'recreated',
    reason: `${change.reason}; deleted and created anew, because ${answer.message}`,
    operation: { verb: 'apply', manifest, expect: 'absent', takeOver: false, replaces },
  }
}

/** What the old object still holds, and gives back when it goes. */
const HELD = /already allocated|exceeded quota/

/** What a new object would be answered: a dry-run makes it under another name. Returns the refusal. */
export async function tryToCreate(
  manifest: Manifest,
  resource: ResourceKind,
  destination: Destination,
  signal: AbortSignal,
): Promise<Refused | undefined> {
  const operation: ApplyOperation = { verb: 'apply', manifest: trialManifest(manifest), expect: 'absent', takeOver: false }
  const answer = await destination.dryRun(operation, resource, { awaitsNamespace: false, compare: false, signal })
  return answer.ok || answer.class === 'dry-run-unsupported' || HELD.test(answer.message) ? undefined : answer
}

/** The same object under a name that nobody has, for a dry-run beside a live one. */
export function trialManifest(manifest: Manifest): Manifest {
  return { ...manifest, metadata: { ...manifest.metadata, name: `gitwake-trial-${sha256(manifest.metadata.name).slice(0, 8)}` } }
}

/** Deletes the object that stands in the way, waits until it is gone, and creates the new one only where nobody was quicker. */
export async function recreate(
  change: PlannedChange,
  operation: ApplyOperation,
  resource: ResourceKind,
  destination: Destination,
  options: WriteOptions,
): Promise<Written> {
  const { replaces, ...creation } = operation
  if (replaces !== undefined) {
    const deleted = await destination.delete(change.object, replaces, resource, options)
    if (!deleted.ok) return deleted
    const left = await untilGone(change.object, replaces, destination, options.signal)
    if (left !== undefined) return left
  }
  return await destination.apply(creation, resource, { ...options, adopting: false })
}

/** Waits until an object that was deleted is gone; what it holds it back for too long is told. */
export async function untilGone(
  object: ObjectId,
  { uid, version }: Pick<DeleteOperation, 'uid' | 'version'>,
  destination: Destination,
  signal: AbortSignal,
): Promise<Refused | undefined> {
  const look = [{ object, version }]
  for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; await sleep(PAUSE_MS, undefined, { signal })) {
    const { found } = await destination.answer({ look, compare: [] }, { found: new Map(), compared: new Map() }, signal)
    const seen = found.get(objectKey(object))
    if (seen === undefined || seen === 'absent' || seen.uid !== uid) return undefined
  }
  return {
    ok: false,
    class: 'timeout',
    message: `it is deleted but not gone after ${PATIENCE_MS / 1000} s: its finalizers hold it; it is created once it is gone`,
    retryable: true,
  }
}
