import type { Problem } from './error.ts'

/** How an application leaves a cluster: its objects stay without our marks, or go. */
export type Departure = 'detach' | 'delete'

/** What becomes of an application's objects once the configuration has it no more. */
export type DeletionPolicy = 'orphan' | 'prune'

/** An inventory whose application the configuration does not have (any more). */
export interface Orphan {
  readonly application: string
  readonly cluster: string
  readonly objects: number
  readonly revision?: string
  readonly deletionPolicy: DeletionPolicy
  /** Milliseconds since 1970: when a sweep first found it so. */
  readonly since: number
  /** Asked for, and not ended yet. */
  readonly departure?: Departure
  /** Why the last try to have it leave did not end it. */
  readonly problem?: Pick<Problem, 'message' | 'fix'>
}

/** What becomes of its objects, in a few words. */
export function displayDeparture({ departure, deletionPolicy }: Orphan): string {
  if (departure === 'detach') return 'being detached'
  return departure === 'delete' || deletionPolicy === 'prune' ? 'being deleted' : 'stays'
}
