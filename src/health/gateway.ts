import type { Health } from '../model/health.ts'
import type { Json } from '../model/json.ts'
import type { LiveObject } from '../model/object.ts'
import { conditionsOf, integerAt, listAt, textAt, type Condition } from './fields.ts'
import { current, failed, inProgress, wordsOf } from './verdict.ts'

// The Gateway API keeps an observedGeneration in each condition: https://gateway-api.sigs.k8s.io/geps/gep-1364/

/** Refusals that go away when something else arrives: the Gateway or Service of the same commit, an address. */
const PATIENT: ReadonlySet<string> = new Set([
  'Pending',
  'NoMatchingParent',
  'NoMatchingListenerHostname',
  'BackendNotFound',
  'AddressNotAssigned',
  'NoResources',
])

export function gatewayClassHealth(object: LiveObject): Health {
  return judge(object, object, ['Accepted']) ?? current('The class is accepted')
}

export function gatewayHealth(object: LiveObject): Health {
  return judge(object, object, ['Accepted', 'Programmed']) ?? current('The Gateway is programmed')
}

/** HTTPRoute, GRPCRoute, TLSRoute and their like: every parent must have taken it. */
export function routeHealth(object: LiveObject): Health {
  const parents = listAt(object, 'status', 'parents')
  if (parents.length === 0) return inProgress('No Gateway has looked at it yet')
  const verdicts = parents.flatMap(
    (parent) => judge(object, { status: parent }, ['Accepted', 'ResolvedRefs'], textAt(parent, 'parentRef', 'name')) ?? [],
  )
  return verdicts.find(({ status }) => status === 'failed') ?? verdicts[0] ?? current('Every parent has accepted it')
}

/** What keeps the conditions of these types from being true; undefined where all are. */
function judge(object: LiveObject, holder: Json, types: readonly string[], where = ''): Health | undefined {
  const prefix = where === '' ? '' : `${where}: `
  for (const type of types) {
    const condition = freshCondition(object, holder, type)
    if (condition === undefined) return inProgress(`${prefix}The controller has not looked at it yet`)
    if (condition.status === 'True') continue
    const words = `${prefix}${wordsOf(condition, `it is not ${type}`)}`
    return condition.status === 'False' && !PATIENT.has(condition.reason) ? failed(words) : inProgress(words)
  }
  return undefined
}

function freshCondition(object: LiveObject, holder: Json, type: string): Condition | undefined {
  const generation = integerAt(object, 'metadata', 'generation')
  return conditionsOf(holder).find(
    (condition) => condition.type === type && (condition.observedGeneration === undefined || condition.observedGeneration === generation),
  )
}
