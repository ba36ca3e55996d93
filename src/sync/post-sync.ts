import { displayName } from '../model/object.ts'
import type { Hooks } from './hooks.ts'
import type { Destination, HealthReport, StoredInventory } from './ports.ts'
import type { Stopped } from './waves.ts'

export interface PostSync {
  readonly hooks: Hooks
  readonly application: string
  readonly destination: Destination
  /** The inventory as the writes before have left it. */
  readonly stored: StoredInventory | undefined
  readonly signal: AbortSignal
}

/** Runs the hooks that follow a healthy sync, under the Lease again, which nobody held while health was waited for. */
export async function runPostSync({ hooks, application, destination, stored, signal }: PostSync): Promise<Stopped | undefined> {
  const lease = await destination.acquireLease(application, signal)
  const options = { signal, guard: () => lease.guard() }
  try {
    const stopped = await hooks.run(hooks.due('post-sync'), options)
    if (stopped !== undefined) await hooks.run(hooks.due('sync-fail'), options)
    const entries = hooks.entries()
    if (stored !== undefined && entries !== undefined) {
      const { inventory } = stored
      await destination.writeInventory({ ...inventory, epoch: inventory.epoch + 1, hooks: entries }, stored, options)
    }
    await hooks.tidy(options)
    return stopped
  } finally {
    await lease.release()
  }
}

/** Why the hooks that follow a healthy sync were not started. */
export function notHealthy({ status, objects }: Pick<HealthReport, 'status' | 'objects'>): Stopped {
  const sick = objects.find((one) => one.status === status)
  const why = sick === undefined ? `the application is ${status}` : `${displayName(sick.object)} is ${status} (${sick.message})`
  return {
    problem: {
      code: 'hook-waits-for-health',
      message: `everything is applied, but the post-sync hooks were not started: ${why}`,
      fix: 'Look at that object; the sync is tried again, and the hooks run once everything is healthy.',
      retryable: status !== 'failed',
      ...(sick && { object: sick.object }),
    },
  }
}
