import type { Application } from '../model/configuration.ts'
import { displayWord, suspended, type Standing } from '../model/standing.ts'

/** Why a sync ends with its plan, and how its result says so. */
export interface Withheld {
  readonly outcome: 'suspended'
  readonly message: string
}

/** Whether anything stands between a plan and its writes. */
export function withheld(application: Application, standing: Standing): Withheld | undefined {
  const stop = suspended(application, standing)
  return stop && { outcome: 'suspended', message: `suspended ${displayWord(stop)}` }
}
