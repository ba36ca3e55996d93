import type { Health } from '../model/health.ts'
import type { LiveObject } from '../model/object.ts'
import { conditionOf, countAt, integerAt } from './fields.ts'
import { all, counted, current, inProgress, partly, wordsOf } from './verdict.ts'

export function replicaSetHealth(object: LiveObject): Health {
  const failure = conditionOf(object, 'ReplicaFailure')
  // A quota or a policy refuses its Pods; the controller goes on trying, so it may still come right.
  if (failure?.status === 'True') return inProgress(wordsOf(failure, 'Pods cannot be created'))
  const wanted = integerAt(object, 'spec', 'replicas') ?? 1
  const labelled = countAt(object, 'status', 'fullyLabeledReplicas')
  const available = countAt(object, 'status', 'availableReplicas')
  const ready = countAt(object, 'status', 'readyReplicas')
  const replicas = countAt(object, 'status', 'replicas')
  if (wanted > labelled) return inProgress(partly(labelled, wanted, 'replica', 'labelled'))
  if (wanted > available) return inProgress(partly(available, wanted, 'replica', 'available'))
  if (wanted > ready) return inProgress(partly(ready, wanted, 'replica', 'ready'))
  if (replicas > wanted) return inProgress(`${counted(replicas - wanted, 'replica')} still to be stopped`)
  return current(all(available, 'replica', 'available'))
}
