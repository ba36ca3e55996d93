import type { Health } from '../model/health.ts'
import type { LiveObject } from '../model/object.ts'
import { countAt, integerAt, textAt } from './fields.ts'
import { all, counted, current, inProgress, partly } from './verdict.ts'

export function statefulSetHealth(object: LiveObject): Health {
  // Its Pods are renewed by hand: there is nothing to wait for.
  if (textAt(object, 'spec', 'updateStrategy', 'type') === 'OnDelete') return current('Its Pods are updated when somebody deletes them')
  const wanted = integerAt(object, 'spec', 'replicas') ?? 1
  const replicas = countAt(object, 'status', 'replicas')
  const ready = countAt(object, 'status', 'readyReplicas')
  if (wanted > replicas) return inProgress(partly(replicas, wanted, 'replica', 'created'))
  if (wanted > ready) return inProgress(partly(ready, wanted, 'replica', 'ready'))
  if (replicas > wanted) return inProgress(`${counted(replicas - wanted, 'replica')} still to be stopped`)
  const partition = integerAt(object, 'spec', 'updateStrategy', 'rollingUpdate', 'partition')
  return partition === undefined ? fullRollout(object, wanted) : partialRollout(object, wanted - partition)
}

/** Only the ordinals from the partition on get the new revision. */
function partialRollout(object: LiveObject, wanted: number): Health {
  const updated = countAt(object, 'status', 'updatedReplicas')
  if (updated < wanted) return inProgress(partly(updated, wanted, 'replica', 'updated'))
  // The API server fills in a partition of 0, which means all of them.
  const partition = countAt(object, 'spec', 'updateStrategy', 'rollingUpdate', 'partition')
  if (partition === 0) return current(all(countAt(object, 'status', 'readyReplicas'), 'replica', 'ready'))
  return current(`The partition is rolled out: ${all(updated, 'replica', 'updated')}`)
}

function fullRollout(object: LiveObject, wanted: number): Health {
  const updated = countAt(object, 'status', 'currentReplicas')
  if (wanted > updated) return inProgress(partly(updated, wanted, 'replica', 'of the current revision'))
  if (textAt(object, 'status', 'currentRevision') !== textAt(object, 'status', 'updateRevision')) {
    return inProgress('The new revision is still being rolled out')
  }
  return current(all(countAt(object, 'status', 'readyReplicas'), 'replica', 'ready'))
}
