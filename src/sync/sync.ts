import { nothingChanged } from '../model/read-set.ts'
import type { SyncResult, WaitsFor } from '../model/result.ts'
import { isAround } from '../plan/hooks.ts'
import { withheld } from '../plan/withheld.ts'
import { auditedBy, isAffected, isLooked } from './affected.ts'
import { fetchHead, stand } from './head.ts'
import { propose, type Proposal } from './propose.ts'
import { unreachedChange } from './refusal.ts'
import type { Syncing, SyncPorts, SyncRequest } from './request.ts'
import { openRun, problemOfChanges, summarise, type Run } from './run.ts'
import { settle } from './settle.ts'
import { keepStanding } from './standing.ts'
import { openLimit } from './time-limit.ts'
import { hooksOf, write, type Written } from './write.ts'

/**
 * One sync, from the branch's head to healthy objects: resolve, render, observe, plan, preflight, apply, prune, health.
 * Never throws: whatever stops it is the result's problem.
 */
export async function sync(request: SyncRequest, ports: SyncPorts): Promise<SyncResult> {
  const run = openRun(request.job, request.application, request.lastHealth, ports.now)
  const limit = openLimit(request.application, request.signal)
  try {
    return await runStages({ request: { ...request, signal: limit.signal }, ports, run }, limit.lift)
  } catch (error) {
    if (request.signal.aborted) return run.end('superseded', 'interrupted: the worker is shutting down')
    return run.stopped(limit.reason() ?? error)
  } finally {
    limit.end()
  }
}

async function runStages(syncing: Syncing, onWritten: () => void): Promise<SyncResult> {
  const { request, ports, run } = syncing

  // Resolve, render, observe, plan, preflight: nothing is written yet.
  const proposal = await proposed(syncing)
  if ('outcome' in proposal) return proposal
  const stop = withhold(proposal, syncing)
  if (stop !== undefined) return stop
  const hooks = hooksOf(proposal, request, ports)
  // From here on, what is not reached is not done.
  run.changes = [...proposal.decision.plan.changes.map(unreachedChange), ...hooks.changes()]
  if (isRefused(proposal, request)) return refuse(proposal, run)
  if (await request.superseded()) return run.end('superseded', 'a newer request arrived')

  // Apply and prune, between the hooks before and beside.
  const written = await write(proposal, hooks, syncing)
  const broken = breakage(written, syncing)
  if (broken !== undefined) return broken

  // Health, and the hooks that follow it: they have limits of their own.
  onWritten()
  return await settle(written, hooks, syncing)
}

/** A result that is kept for months tells so many changes of live objects field by field; a plan tells all. */
const DIFFS = 50

/** What the sync would do, or the result of one that ends before there is anything to do. */
async function proposed(syncing: Syncing): Promise<Proposal | SyncResult> {
  const { request, ports, run } = syncing
  const { application, job, dependencies, signal, superseded } = request
  let waiting: WaitsFor | undefined = await dependencies?.early()
  if (waiting !== undefined) return run.waitsFor(waiting)
  const proposal = await propose(
    {
      application,
      confirmed: job.confirmedPlan,
      preflight: application.sync.preflight && { diffs: DIFFS },
      signal,
      resolve: () => fetchHead(syncing),
      keep: (stored) => keepStanding(request.said, stored, request, ports),
      stand: (head, stored) => stand(head, stored, syncing),
      isLooked: isLooked(job),
      isManual: job.reason === 'manual',
      isAffected: (inputs, stored) => isAffected(job, inputs, stored),
      isFree: async (revision) => {
        // Where it stands at another commit than its branch's, its dependencies need not be at that one.
        waiting = await dependencies?.late(run.head === undefined ? revision : undefined)
        return waiting === undefined
      },
      audited: (stored) => auditedBy(job, stored),
      fights: request.fights ?? [],
      superseded,
    },
    ports,
    run,
  )
  if (proposal === 'not affected') return run.end('not affected', nothingChanged(application.name))
  if (proposal === 'blocked') return run.waitsFor(waiting)
  if (proposal === 'superseded') return run.end('superseded', 'a newer request arrived')
  return proposal
}

/** The result of a sync that is kept from writing: suspended, only to report, or outside of its windows. */
function withhold(proposal: Proposal, { request, ports, run }: Syncing): SyncResult | undefined {
  const { application, job, windows } = request
  const stop = withheld({
    application,
    job,
    windows,
    standing: proposal.stored?.inventory.standing ?? {},
    plan: proposal.decision.plan,
    hasHooks: proposal.hooks.some(isAround),
    isRefused: isRefused(proposal, request),
    now: ports.now(),
  })
  return stop === undefined ? undefined : run.withheld(stop)
}

/** The API server would take only a part, and all or nothing is asked for. */
function isRefused({ refused }: Proposal, { application }: SyncRequest): boolean {
  return refused.length > 0 && !application.sync.partial
}

function refuse({ refused }: Proposal, run: Run): SyncResult {
  const message = `refused, nothing was written: ${refused.length} of ${run.changes.length} objects`
  return run.end('failed', message, problemOfChanges('refused', refused))
}

/** The result of a sync whose writes did not all succeed. */
function breakage({ carried, changes }: Written, { run }: Syncing): SyncResult | undefined {
  run.changes = changes
  if (carried.ended === 'superseded') return run.end('superseded', `a newer request arrived: ${summarise(changes)}`)
  if (typeof carried.ended === 'object') return run.stoppedBy(carried.ended)
  const failed = carried.changes.filter(({ action }) => action === 'failed')
  if (failed.length === 0) return undefined
  const message = `${failed.length} of ${changes.length} objects failed: ${summarise(changes)}`
  return run.end('failed', message, problemOfChanges('apply-failed', failed))
}
