import type { Inventory } from '../model/inventory.ts'
import type { SyncJob } from '../model/job.ts'
import type { SyncResult } from '../model/result.ts'
import { newerStanding, suspended } from '../model/standing.ts'
import type { Departure } from '../model/departure.ts'
import { heirOf } from '../model/heir.ts'
import { GitwakeError } from '../model/error.ts'
import type { RunControl } from '../queue/run.ts'
import { forgetOrphan } from '../queue/orphans.ts'
import { readStanding } from '../queue/standing.ts'
import { reachable } from '../queue/connection.ts'
import { leave, stillConfigured } from '../sync/leave.ts'
import type { SyncContext } from './sync-context.ts'

type DepartureOptions = Pick<SyncContext, 'cluster' | 'configuration' | 'redis' | 'installation' | 'inventoryNamespace' | 'log'> & {
  readonly destinations: Pick<SyncContext['destinations'], 'use'>
}

/** Takes an application out of this cluster, if it may leave: it is not configured, or it is suspended and only detached. */
export async function runDeparture(
  job: SyncJob,
  departure: Departure,
  { signal }: RunControl,
  options: DepartureOptions,
): Promise<SyncResult> {
  const { cluster, configuration, redis, destinations, installation, inventoryNamespace, log } = options
  const configured = configuration().clusters.get(cluster)
  if (configured === undefined)
    throw new GitwakeError('unknown-cluster', `the configuration has no cluster ${cluster} any more`, { fix: 'Configure it again.' })
  const said = await reachable(readStanding(redis, cluster, job.application))
  log.info({ application: job.application, ticket: job.seen, departure }, 'the application leaves')
  const result = await destinations.use(configured, async (destination) =>
    leave(
      {
        job,
        departure,
        cluster,
        signal,
        admit(inventory: Inventory) {
          const application = configuration().applications.get(job.application)
          const heir = heirOf(job.application, cluster, configuration())
          if (heir !== undefined) throw takenOver(job.application, heir.name)
          if (application === undefined) return
          // Moved to another name of, perhaps, the same cluster: who wrote last is whose it is.
          if (application.destination.cluster !== cluster && inventory.cluster === cluster) return
          const isStopped = suspended(application, newerStanding(inventory.standing ?? {}, said)) !== undefined
          const isHere = application.destination.cluster === cluster
          if (!(isHere && isStopped && departure === 'detach')) throw stillConfigured(job.application, departure)
        },
      },
      { destination, install: installation, inventoryNamespace, now: Date.now },
    ),
  )
  if (result.outcome === 'synced')
    await forgetOrphan(redis, cluster, job.application).catch((error: unknown) =>
      log.debug({ cluster, problem: String(error) }, 'what has left is listed until the next sweep'),
    )
  return result
}

function takenOver(name: string, heir: string): GitwakeError {
  return new GitwakeError('taken-over', `${name} is ${heir} now (renamedFrom): what it owns goes to that with its next sync`, {
    fix: `Sync ${heir}; or remove its spec.renamedFrom, if ${name} is really to leave.`,
  })
}
