import type { Health } from '../model/health.ts'
import type { LiveObject } from '../model/object.ts'
import { conditionOf, integerAt } from './fields.ts'
import { counted, current, wordsOf } from './verdict.ts'

/** Never more than told: metrics that are missing leave the replicas as they are, and come when their server does. */
export function autoscalerHealth(object: LiveObject): Health {
  for (const type of ['AbleToScale', 'ScalingActive']) {
    const condition = conditionOf(object, type)
    if (condition?.status === 'False' && condition.reason !== 'ScalingDisabled')
      return current(`It cannot scale: ${wordsOf(condition, type)}`)
  }
  const replicas = integerAt(object, 'status', 'currentReplicas')
  return current(replicas === undefined ? 'It has not scaled anything yet' : `It scales ${counted(replicas, 'replica')}`)
}

/** The generation check before this has seen to it that the controller has looked. */
export function disruptionBudgetHealth(object: LiveObject): Health {
  const allowed = integerAt(object, 'status', 'disruptionsAllowed')
  return current(allowed === undefined ? 'The budget is in place' : `${counted(allowed, 'disruption')} allowed`)
}
