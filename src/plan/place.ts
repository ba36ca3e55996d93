import { FIELD_MANAGER } from '../model/names.ts'
import type { KindCatalog } from '../model/kinds.ts'
import type { ObjectId } from '../model/object.ts'
import { objectKey } from '../model/object.ts'
import type { PlannedChange } from '../model/plan.ts'
import type { Found } from './questions.ts'

/** The destination namespace as an object. */
export function namespaceObject(name: string): ObjectId {
  return { group: '', kind: 'Namespace', namespace: '', name }
}

/**
 * The change that brings the destination namespace, where objects are created in it and Git does not declare it.
 * It is made without our label and never tracked: an application does not own the place that it lives in.
 */
export function planNamespace(facts: {
  readonly name: string
  readonly create: boolean
  readonly found: ReadonlyMap<string, Found>
  readonly catalog: KindCatalog
}): { readonly change?: PlannedChange; readonly ask: boolean } {
  const object = namespaceObject(facts.name)
  const found = facts.found.get(objectKey(object))
  if (found === undefined) return { ask: true }
  if (found !== 'absent')
    return found.terminating
      ? { ask: false, change: blocked(object, 'is being deleted', 'Wait until it is gone; the sync is tried again.', true) }
      : { ask: false }
  if (!facts.create) {
    return {
      ask: false,
      change: blocked(
        object,
        'does not exist, and createNamespace is false',
        'Create it, declare it in Git, or set destination.createNamespace: true.',
        false,
      ),
    }
  }
  return {
    ask: false,
    change: {
      object,
      action: 'created',
      reason: 'the destination namespace is missing',
      stage: 0,
      operation: {
        verb: 'apply',
        expect: 'absent',
        takeOver: false,
        manifest: {
          apiVersion: 'v1',
          kind: 'Namespace',
          metadata: { name: facts.name, labels: { 'app.kubernetes.io/managed-by': FIELD_MANAGER } },
        },
      },
    },
  }
}

function blocked(object: ObjectId, reason: string, fix: string, retryable: boolean): PlannedChange {
  return { object, action: 'failed', reason, fix, retryable, stage: 0, operation: { verb: 'none' } }
}
