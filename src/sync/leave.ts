import type { Departure } from '../model/departure.ts'
import { GitwakeError } from '../model/error.ts'
import { applySetId } from '../model/names.ts'
import type { SyncResult } from '../model/result.ts'
import { deleteAll } from './delete.ts'
import { detach } from './detach.ts'
import type { Destination } from './ports.ts'
import type { LeaveRequest } from './leaving.ts'
import { requireOwnInstall } from './own-install.ts'
import { openRun } from './run.ts'

/** What leaving a cluster needs from outside. */
export interface LeavePorts {
  readonly destination: Destination
  readonly install: string
  readonly inventoryNamespace: string
  readonly now: () => number
}

/**
 * An application leaves a cluster: its objects stay without our marks, or they are deleted inside the guards; its inventory goes last, so that a
 * crash anywhere is finished by the next try. Never throws: whatever stops it is the result's problem.
 */
export async function leave(request: LeaveRequest, ports: LeavePorts): Promise<SyncResult> {
  const { job, cluster, departure, signal } = request
  const { destination } = ports
  const run = openRun(job, { name: job.application, destination: { cluster } }, 'unknown', ports.now)
  try {
    const stored = await destination.readInventory(job.application, signal)
    if (stored === undefined) return run.end('synced', `nothing of ${job.application} is left in ${cluster}`)
    requireOwnInstall(stored.inventory, ports.install)
    request.admit(stored.inventory)
    const lease = await destination.acquireLease(job.application, signal)
    try {
      const options = { signal, guard: () => lease.guard() }
      const applySet = applySetId(job.application, ports.inventoryNamespace)
      const { account } = stored.inventory.deletion ?? {}
      const acting = account === undefined ? destination : destination.as(account)
      const leaving = { request, destination: acting, stored, applySet, options, run }
      return departure === 'detach' ? await detach(leaving) : await deleteAll(leaving)
    } finally {
      await lease.release()
    }
  } catch (error) {
    if (signal.aborted) return run.end('superseded', 'interrupted: the worker is shutting down')
    return run.stopped(error)
  }
}

/** Why an application that is configured may not leave, where it may not. */
export function stillConfigured(name: string, departure: Departure): GitwakeError {
  const suspend = departure === 'detach' ? `, or suspend it first (gitwake suspend ${name})` : ''
  return new GitwakeError('still-configured', `${name} is configured: what leaves the cluster now would come back with the next sync`, {
    fix: `Remove it from the configuration${suspend}.`,
  })
}
