import type { Health } from '../model/health.ts'
import type { LiveObject } from '../model/object.ts'
import { conditionOf, integerAt, listAt, textAt } from './fields.ts'
import { current, failed, inProgress, wordsOf } from './verdict.ts'

/** What decides for every kind, before its own rules: deletion, a controller that lags behind, the standard conditions. */
export function genericHealth(object: LiveObject): Health | undefined {
  const early = terminatingHealth(object) ?? laggingHealth(object)
  if (early !== undefined) return early
  const reconciling = conditionOf(object, 'Reconciling')
  if (reconciling?.status === 'True') return inProgress(wordsOf(reconciling, 'It is being reconciled'))
  const stalled = conditionOf(object, 'Stalled')
  return stalled?.status === 'True' ? failed(wordsOf(stalled, 'It has stalled')) : undefined
}

export function terminatingHealth(object: LiveObject): Health | undefined {
  if (textAt(object, 'metadata', 'deletionTimestamp') === '') return undefined
  return { status: 'terminating', message: terminatingMessage(object) }
}

/** The status is about an earlier state of the object. */
export function laggingHealth(object: LiveObject): Health | undefined {
  const generation = integerAt(object, 'metadata', 'generation')
  const observed = integerAt(object, 'status', 'observedGeneration')
  if (generation === undefined || observed === undefined || observed === generation) return undefined
  return inProgress(`The controller has seen generation ${observed}, not yet ${generation}`)
}

/** The conditions by which operators say that something works; the first that an object has decides. */
const WELL = ['Ready', 'Available', 'Healthy'] as const

/** For kinds without rules of their own. */
export function readyHealth(object: LiveObject): Health {
  for (const type of WELL) {
    const condition = conditionOf(object, type)
    if (condition === undefined || !['True', 'False', 'Unknown'].includes(condition.status)) continue
    const generation = integerAt(object, 'metadata', 'generation')
    if (generation !== undefined && (condition.observedGeneration ?? generation) < generation)
      return inProgress(`${type} is about generation ${condition.observedGeneration}, not yet ${generation}`)
    return condition.status === 'True'
      ? current(`It is ${type.toLowerCase()}`)
      : inProgress(wordsOf(condition, `It is not ${type.toLowerCase()}`))
  }
  return current('It exists')
}

function terminatingMessage(object: LiveObject): string {
  const finalizers = listAt(object, 'metadata', 'finalizers').filter((finalizer) => typeof finalizer === 'string')
  return finalizers.length === 0 ? 'It is being deleted' : `It is being deleted and waits for ${finalizers.join(', ')}`
}
