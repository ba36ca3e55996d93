import type { Health } from '../model/health.ts'
import type { LiveObject } from '../model/object.ts'
import { conditionOf } from './fields.ts'
import { current, failed, inProgress, wordsOf } from './verdict.ts'

export function definitionHealth(object: LiveObject): Health {
  const names = conditionOf(object, 'NamesAccepted')
  if (names?.status === 'False') return failed(wordsOf(names, 'Its names are taken'))
  const established = conditionOf(object, 'Established')
  if (established?.status === 'True') return current('The kind is established')
  if (established?.status === 'False' && established.reason !== 'Installing')
    return failed(wordsOf(established, 'The kind cannot be established'))
  return inProgress('The kind is being established')
}

export function apiServiceHealth(object: LiveObject): Health {
  const available = conditionOf(object, 'Available')
  if (available?.status === 'True') return current('The API is available')
  // Its server may be part of the same commit and still starting.
  return inProgress(available === undefined ? 'The API has not been looked at yet' : wordsOf(available, 'The API is not available'))
}
