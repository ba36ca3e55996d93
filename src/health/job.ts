import type { Health } from '../model/health.ts'
import type { LiveObject } from '../model/object.ts'
import { at, conditionOf, countAt, integerAt, textAt } from './fields.ts'
import { current, failed, inProgress, partly, wordsOf } from './verdict.ts'

/** As kstatus has it: a Job that has started is where it should be; only its failure is news. */
export function jobHealth(object: LiveObject): Health {
  const completions = integerAt(object, 'spec', 'completions') ?? integerAt(object, 'spec', 'parallelism') ?? 1
  const progress = partly(countAt(object, 'status', 'succeeded'), completions, 'completion', 'done')
  if (conditionOf(object, 'Complete')?.status === 'True') return current(`The Job is complete: ${progress}`)
  const failure = conditionOf(object, 'Failed')
  if (failure?.status === 'True') return failed(`The Job has failed: ${wordsOf(failure, progress)}`)
  if (at(object, 'spec', 'suspend') === true && conditionOf(object, 'Suspended')?.status === 'True') return current('The Job is suspended')
  if (textAt(object, 'status', 'startTime') === '') return inProgress('The Job has not started yet')
  return current(`The Job runs: ${progress}, ${countAt(object, 'status', 'active')} active, ${countAt(object, 'status', 'failed')} failed`)
}
