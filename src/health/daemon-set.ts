import type { Health } from '../model/health.ts'
import type { LiveObject } from '../model/object.ts'
import { countAt, integerAt, textAt } from './fields.ts'
import { all, current, inProgress, partly } from './verdict.ts'

export function daemonSetHealth(object: LiveObject): Health {
  const wanted = integerAt(object, 'status', 'desiredNumberScheduled')
  const observed =
    integerAt(object, 'status', 'observedGeneration') !== undefined && integerAt(object, 'metadata', 'generation') !== undefined
  if (wanted === undefined || !observed) return inProgress('The controller has not looked at it yet')
  const scheduled = countAt(object, 'status', 'currentNumberScheduled')
  const updated = countAt(object, 'status', 'updatedNumberScheduled')
  const available = countAt(object, 'status', 'numberAvailable')
  const ready = countAt(object, 'status', 'numberReady')
  if (wanted > scheduled) return inProgress(partly(scheduled, wanted, 'Pod', 'scheduled'))
  // With OnDelete its Pods are renewed by hand: there is nothing to wait for.
  const byHand = textAt(object, 'spec', 'updateStrategy', 'type') === 'OnDelete'
  if (wanted > updated && !byHand) return inProgress(partly(updated, wanted, 'Pod', 'updated'))
  if (wanted > available) return inProgress(partly(available, wanted, 'Pod', 'available'))
  if (wanted > ready) return inProgress(partly(ready, wanted, 'Pod', 'ready'))
  return current(wanted === 0 ? 'No node matches it' : all(available, 'Pod', 'available'))
}
