import type { Health } from '../model/health.ts'
import type { LiveObject } from '../model/object.ts'
import { at, conditionOf, countAt, integerAt } from './fields.ts'
import { all, counted, current, failed, inProgress, partly } from './verdict.ts'

/** What the API server stores for "no deadline". */
const NO_DEADLINE = 2 ** 31 - 1

export function deploymentHealth(object: LiveObject): Health {
  const progressing = conditionOf(object, 'Progressing')
  if (progressing?.reason === 'ProgressDeadlineExceeded') {
    return failed(`The rollout made no progress in time (ProgressDeadlineExceeded): ${unavailability(object)}`)
  }
  const behind = countsBehind(object)
  if (behind !== undefined) return inProgress(at(object, 'spec', 'paused') === true ? `The rollout is paused: ${behind}` : behind)
  // Without a deadline the controller keeps no Progressing condition.
  const deadline = integerAt(object, 'spec', 'progressDeadlineSeconds') ?? NO_DEADLINE
  const rolledOut = deadline === NO_DEADLINE || (progressing?.status === 'True' && progressing.reason === 'NewReplicaSetAvailable')
  if (!rolledOut) return inProgress('The new ReplicaSet is not available yet')
  if (conditionOf(object, 'Available')?.status !== 'True') return inProgress(`The Deployment is not available yet: ${availability(object)}`)
  return current(all(countAt(object, 'status', 'availableReplicas'), 'replica', 'available'))
}

function countsBehind(object: LiveObject): string | undefined {
  const wanted = replicasWanted(object)
  const replicas = countAt(object, 'status', 'replicas')
  const updated = countAt(object, 'status', 'updatedReplicas')
  if (wanted > replicas) return partly(replicas, wanted, 'replica', 'created')
  if (wanted > updated) return partly(updated, wanted, 'replica', 'updated')
  if (replicas > wanted) return `${counted(replicas - wanted, 'old replica')} still to be stopped`
  if (updated > countAt(object, 'status', 'availableReplicas')) return availability(object)
  const ready = countAt(object, 'status', 'readyReplicas')
  return wanted > ready ? partly(ready, wanted, 'replica', 'ready') : undefined
}

function availability(object: LiveObject): string {
  return partly(countAt(object, 'status', 'availableReplicas'), replicasWanted(object), 'replica', 'available')
}

/** The old replicas may well be as many as are wanted. */
function unavailability(object: LiveObject): string {
  if (countAt(object, 'status', 'availableReplicas') < replicasWanted(object)) return availability(object)
  return all(countAt(object, 'status', 'unavailableReplicas'), 'new replica', 'not available')
}

function replicasWanted(object: LiveObject): number {
  return integerAt(object, 'spec', 'replicas') ?? 1
}
