import type { Application, SyncWindow } from '../model/configuration.ts'
import type { SyncJob } from '../model/job.ts'
import type { Plan } from '../model/plan.ts'
import type { WaitsFor } from '../model/result.ts'
import { displayWord, suspended, type Standing } from '../model/standing.ts'
import { isEmpty } from './plan.ts'
import { windowVerdict } from './windows.ts'

/** Why a sync ends with its plan, and how its result says so. */
export interface Withheld {
  readonly outcome: 'suspended' | 'drifted' | 'waiting'
  readonly message: string
  readonly waiting?: WaitsFor
}

export interface WithheldFacts {
  readonly application: Application
  readonly job: SyncJob
  readonly standing: Standing
  readonly windows: readonly SyncWindow[]
  readonly plan: Plan
  /** Hooks are to be run, whether or not anything else changes. */
  readonly hasHooks: boolean
  /** The plan cannot be carried out as it is: that is told at once, not when a window opens. */
  readonly isRefused: boolean
  /** Milliseconds since 1970. */
  readonly now: number
}

/** Whether anything stands between a plan and its writes. */
export function withheld({ application, job, standing, windows, plan, hasHooks, isRefused, now }: WithheldFacts): Withheld | undefined {
  const stop = suspended(application, standing)
  if (stop !== undefined) return { outcome: 'suspended', message: `suspended ${displayWord(stop)}` }
  if (isRefused || (isEmpty(plan) && !hasHooks)) return undefined
  if (isOnlyDrift(job) && !application.sync.selfHeal) return { outcome: 'drifted', message: 'reported only (selfHeal: false)' }
  const byHand = job.triggers.some(({ reason }) => reason === 'manual')
  const verdict = windowVerdict(windows, now, byHand)
  if (verdict.open) return undefined
  const { until, why } = verdict
  const opens = until === undefined ? 'and no opening is in sight' : `until ${new Date(until).toISOString().replace(/\.\d+Z$/, 'Z')}`
  return {
    outcome: 'waiting',
    message: `waits for a sync window ${opens} (${why})`,
    waiting: { for: 'window', why, ...(until !== undefined && { until }) },
  }
}

/** A commit that still waits for its answer is applied, whatever else was asked for since. */
function isOnlyDrift({ reason, triggers }: SyncJob): boolean {
  return triggers.length === 0 ? reason === 'drift' : triggers.every((trigger) => trigger.reason === 'drift')
}
