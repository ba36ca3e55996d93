import { GitwakeError } from '../model/error.ts'
import { displayName, objectKey, type ObjectId, type ObjectKey } from '../model/object.ts'
import type { ObservedObject } from '../model/observation.ts'
import type { PlannedChange } from '../model/plan.ts'
import type { Decision } from './decide.ts'
import type { Former } from './former.ts'
import type { Destination, WriteOptions } from './ports.ts'
import { together } from './together.ts'

interface Inherited {
  readonly object: ObjectId
  readonly version: string
  /** Of exactly the object that is meant, where that is known. */
  readonly uid?: string
}

/**
 * Gives everything that was owned under the former name to the application, by its label, and forgets that name: for when the application's own
 * inventory has all of it. Changes nothing else, and deletes nothing. Returns the decision as it is then; it may be called again after a crash.
 * Throws GitwakeError `rename-refused`.
 */
export async function takeInheritance(
  decision: Decision,
  former: Former,
  destination: Destination,
  options: WriteOptions,
): Promise<Decision> {
  const { entries, hooks = new Map() } = former.stored.inventory
  const items: Inherited[] = [...entries.values(), ...hooks.values()]
  const context = { destination, options, from: former.applySet, to: decision.facts.applySet }
  const seen = new Map((await together(items, context, take)).flat().map((one) => [objectKey(one.object), one] as const))
  await destination.deleteInventory(former.stored, options)
  return withSeen(decision, seen)
}

interface Context {
  readonly destination: Destination
  readonly options: WriteOptions
  readonly from: string
  readonly to: string
}

async function take({ object, version, uid }: Inherited, { destination, options, from, to }: Context): Promise<ObservedObject[]> {
  const catalog = await destination.catalog({ refresh: false }, options.signal)
  const resource = catalog.find(object, version) ?? catalog.preferred(object)
  // Its kind is gone, and it with it; or the API behind it is away.
  if (resource === undefined && !catalog.isStale(object.group)) return []
  const answer =
    resource === undefined
      ? { ok: false as const, message: `the API server behind ${object.group} is away`, retryable: true }
      : await destination.relabel(object, { from, to, ...(uid !== undefined && { uid }) }, resource, options)
  if (answer.ok) return answer.seen === undefined ? [] : [answer.seen]
  throw new GitwakeError('rename-refused', `${displayName(object)} could not be taken over: ${answer.message}`, {
    fix: 'Let the worker patch this kind; the sync is tried again, and goes on where it stopped.',
    retryable: answer.retryable,
    object,
  })
}

/** What was planned for an object holds for it under its new label, too. */
function withSeen({ plan, facts }: Decision, seen: ReadonlyMap<ObjectKey, ObservedObject>): Decision {
  const changes = plan.changes.map((change): PlannedChange => {
    const { operation } = change
    const now = seen.get(objectKey(change.object))
    if (now === undefined || operation.verb !== 'apply' || operation.expect === 'absent' || operation.expect.uid !== now.uid) return change
    return { ...change, operation: { ...operation, expect: { uid: now.uid, resourceVersion: now.resourceVersion } } }
  })
  const objects = new Map([...facts.observation.objects, ...seen])
  return { plan: { ...plan, changes }, facts: { ...facts, observation: { ...facts.observation, objects } } }
}
