import type { HealthStatus } from '../model/health.ts'
import type { WaitsFor } from '../model/result.ts'

/** What Redis knows of an application that another one depends on. */
export interface DependencyFacts {
  /** Tickets: given, answered, and the highest that a failure has answered. */
  readonly want: number
  readonly done: number
  readonly failed: number
  /** The newest commit that it has seen, and the one that its cluster carries. */
  readonly head: string | undefined
  readonly applied: string | undefined
  readonly health: HealthStatus
  readonly waiting: WaitsFor | undefined
}

/** `unheard`: it has not heard of the commit yet, and must be asked. `isTransient`: it is being taken care of right now. */
export type DependencyVerdict = 'ready' | 'unheard' | { readonly why: string; readonly isTransient: boolean }

/**
 * Whether an application may go on, as far as one of its dependencies is concerned: its newest ticket is answered, and it is applied and
 * healthy; where both follow the same branch, at the commit that is to be applied now (`revision`), or at the one it found when it was
 * asked for that (`wasAsked`). Pure.
 */
export function judgeDependency(facts: DependencyFacts, revision: string | undefined, wasAsked: boolean): DependencyVerdict {
  const { want, done, failed, head, applied, health, waiting } = facts
  if (want > done) {
    if (waiting !== undefined) return blocked(`waits itself: ${waiting.why}`)
    return failed >= want ? blocked('has failed') : { why: 'is being synced', isTransient: true }
  }
  if (applied === undefined) return blocked('is not applied yet')
  if (revision !== undefined && applied !== revision) {
    if (head !== revision && !wasAsked) return 'unheard'
    if (head !== applied) return blocked(`has not applied ${(head ?? revision).slice(0, 12)}: it is held, suspended or rolled back`)
  }
  return health === 'current'
    ? 'ready'
    : blocked(health === 'unknown' ? 'may not be healthy: that is not known yet' : `is not healthy: ${health}`)
}

function blocked(why: string): DependencyVerdict {
  return { why, isTransient: false }
}
