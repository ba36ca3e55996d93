import type { Departure } from '../../src/model/departure.ts'
import type { SyncResult } from '../../src/model/result.ts'
import { leave } from '../../src/sync/leave.ts'
import type { Destination } from '../../src/sync/ports.ts'
import type { Subject, Workbench } from './workbench.ts'

/** An application leaves as a worker would take it out, of which the configuration knows nothing more. */
export async function depart(
  bench: Workbench,
  app: Subject,
  departure: Departure,
  more: { readonly confirmedPlan?: string; readonly destination?: Destination } = {},
): Promise<SyncResult> {
  const { confirmedPlan, destination = bench.destination } = more
  const job = { application: app.application.name, reason: 'manual', seen: 1, triggers: [] } as const
  return await leave(
    {
      job: { ...job, ...(confirmedPlan !== undefined && { confirmedPlan }) },
      departure,
      cluster: 'test',
      signal: AbortSignal.timeout(60_000),
      admit: () => undefined,
    },
    { destination, install: 'gitwake', inventoryNamespace: bench.inventoryNamespace, now: Date.now },
  )
}
