import type { PlannedChange } from '../model/plan.ts'
import type { Desired } from './desired.ts'
import { stageOf } from './stages.ts'

/** Two documents for one object. */
export function duplicate({ object, first, second }: Desired['duplicates'][number]): PlannedChange {
  return {
    object,
    action: 'failed',
    reason: `declared twice: in ${first.file} (document ${first.document}) and in ${second.file} (document ${second.document})`,
    fix: 'Remove one of the two.',
    origin: second,
    stage: stageOf(object),
    operation: { verb: 'none' },
  }
}
