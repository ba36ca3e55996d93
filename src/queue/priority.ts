import type { SyncReason } from '../model/job.ts'

/** Lower runs first. */
export const CLASS: Readonly<Record<SyncReason, number>> = {
  push: 1,
  manual: 2,
  dependency: 3,
  poll: 4,
  retry: 5,
  drift: 6,
}

const STEP = 100_000

/** In front of everybody of every class. */
export const FIRST = 1

/**
 * The priority of a job: its class, then how many jobs of its repository wait already, so that a monorepo with 200 applications does not
 * stand in front of everybody else. BullMQ runs jobs without a priority first, so every job has one (1 to 2,097,152).
 */
export function priorityOf(jobClass: number, waitingOfRepository: number): number {
  return jobClass * STEP + Math.min(waitingOfRepository, STEP - 1)
}

/** The reason that runs first among several. */
export function strongest(reasons: readonly SyncReason[]): SyncReason | undefined {
  return reasons.toSorted((left, right) => CLASS[left] - CLASS[right])[0]
}
