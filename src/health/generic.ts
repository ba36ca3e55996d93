import type { Health } from '../model/health.ts'
import type { LiveObject } from '../model/object.ts'
import { conditionOf, integerAt, listAt, textAt } from './fields.ts'
import { current, failed, inProgress, wordsOf } from './verdict.ts'

/** What decides for every kind, before its own rules: deletion, a controller that lags behind, the standard conditions. */
export function genericHealth(object: LiveObject): Health | undefined {
  if (textAt(object, 'metadata', 'deletionTimestamp') !== '') return { status: 'terminating', message: terminatingMessage(object) }
  const generation = integerAt(object, 'metadata', 'generation')
  const observed = integerAt(object, 'status', 'observedGeneration')
  if (generation !== undefined && observed !== undefined && observed !== generation) {
    return inProgress(`The controller has seen generation ${observed}, not yet ${generation}`)
  }
  const reconciling = conditionOf(object, 'Reconciling')
  if (reconciling?.status === 'True') return inProgress(wordsOf(reconciling, 'It is being reconciled'))
  const stalled = conditionOf(object, 'Stalled')
  return stalled?.status === 'True' ? failed(wordsOf(stalled, 'It has stalled')) : undefined
}

/** For kinds without rules of their own: the Ready condition, where there is one. */
export function readyHealth(object: LiveObject): Health {
  const ready = conditionOf(object, 'Ready')
  if (ready?.status === 'True') return current('It is ready')
  if (ready?.status === 'False' || ready?.status === 'Unknown') return inProgress(wordsOf(ready, 'It is not ready'))
  return current('It exists')
}

function terminatingMessage(object: LiveObject): string {
  const finalizers = listAt(object, 'metadata', 'finalizers').filter((finalizer) => typeof finalizer === 'string')
  return finalizers.length === 0 ? 'It is being deleted' : `It is being deleted and waits for ${finalizers.join(', ')}`
}
