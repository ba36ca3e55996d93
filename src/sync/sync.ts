import type { Application, Repository, SyncWindow } from '../model/configuration.ts'
import { formatDuration } from '../model/duration.ts'
import { GitwakeError } from '../model/error.ts'
import type { Fight } from '../model/fight.ts'
import type { HealthStatus } from '../model/health.ts'
import type { SyncJob } from '../model/job.ts'
import { displayName, type ObjectKey } from '../model/object.ts'
import type { SyncResult, WaitsFor } from '../model/result.ts'
import type { Pin, Standing } from '../model/standing.ts'
import type { Tree } from '../model/tree.ts'
import { hasOpenHooks, isAround } from '../plan/hooks.ts'
import { isEmpty } from '../plan/plan.ts'
import { withheld } from '../plan/withheld.ts'
import { dueForAudit } from './audit.ts'
import { carryOut } from './carry-out.ts'
import type { Decision } from './decide.ts'
import { logMask } from './log-mask.ts'
import { openHooks, type Hooks } from './hooks.ts'
import type { Heads, HeadsSeen, HealthReport, Source, StoredInventory } from './ports.ts'
import { notHealthy, runPostSync } from './post-sync.ts'
import { propose, type Proposal, type ProposePorts } from './propose.ts'
import { unreachedChange } from './refusal.ts'
import { openRun, problemOfChanges, summarise, type Run } from './run.ts'
import { heedPin, type Stands } from './pinned.ts'
import { keepStanding } from './standing.ts'
import { emptyInventory } from './tracking.ts'

/** What a sync needs from outside. */
export interface SyncPorts extends ProposePorts {
  readonly source: Source
  readonly heads: Heads & HeadsSeen
  readonly now: () => number
}

/** What one run is about and what may end it. */
export interface SyncRequest {
  readonly job: SyncJob
  readonly application: Application
  readonly repository: Repository
  /** What was said of it until further notice, as far as Redis knows; the inventory may know more. */
  readonly said: Standing
  /** When it may write. */
  readonly windows: readonly SyncWindow[]
  /** Tells Redis what has become of it. */
  readonly say: (standing: Standing) => Promise<void>
  /** As last published; 'unknown' makes the sync look. */
  readonly lastHealth: HealthStatus
  /** Fields that are not healed any more, at the revision where that was decided. */
  readonly fights?: readonly Fight[]
  /** Applications that must be ready before: asked first before anything is fetched, then about the commit. */
  readonly dependencies?: {
    readonly early: () => Promise<WaitsFor | undefined>
    readonly late: (revision: string | undefined) => Promise<WaitsFor | undefined>
  }
  readonly signal: AbortSignal
  /** Has a newer commit made this run pointless? */
  readonly superseded: () => Promise<boolean>
  /** Told as soon as everything is written, before the wait for health. */
  readonly onApplied: (result: SyncResult) => Promise<void>
}

/**
 * One sync, from the branch's head to healthy objects: resolve, render, observe, plan, preflight, apply, prune, health.
 * Never throws: whatever stops it is the result's problem.
 */
export async function sync(request: SyncRequest, ports: SyncPorts): Promise<SyncResult> {
  const run = openRun(request.job, request.application, request.lastHealth, ports.now)
  const limit = openLimit(request.application)
  try {
    return await runStages({ ...request, signal: AbortSignal.any([request.signal, limit.signal]) }, ports, run, limit.close)
  } catch (error) {
    if (request.signal.aborted) return run.end('superseded', 'interrupted: the worker is shutting down')
    return run.stopped(limit.signal.aborted ? limit.signal.reason : error)
  } finally {
    limit.close()
  }
}

/** Where the configuration says nothing. */
const HOOK_TIMEOUT_MS = 10 * 60_000

/** Ends what takes too long; the wait for health has a limit of its own. */
function openLimit({ name, sync: { timeoutMs } }: Application): { readonly signal: AbortSignal; readonly close: () => void } {
  const controller = new AbortController()
  if (timeoutMs === undefined) return { signal: controller.signal, close: () => undefined }
  const timer = setTimeout(() => controller.abort(tooLong(name, timeoutMs)), timeoutMs)
  return { signal: controller.signal, close: () => clearTimeout(timer) }
}

function tooLong(application: string, timeoutMs: number): GitwakeError {
  return new GitwakeError('sync-timeout', `the sync of ${application} was not done within ${formatDuration(timeoutMs)}`, {
    fix: 'It is tried again, and goes on where it stopped. The timings of the result say what took so long; spec.sync.timeout allows more.',
    retryable: true,
  })
}

/** A result that is kept for months tells so many changes of live objects field by field; a plan tells all. */
const DIFFS = 50

async function runStages(request: SyncRequest, ports: SyncPorts, run: Run, onWritten: () => void): Promise<SyncResult> {
  const { application, job, dependencies, signal, superseded } = request
  let waiting = await dependencies?.early()
  if (waiting !== undefined) return run.waitsFor(waiting)

  // Resolve, render, observe, plan, preflight: nothing is written yet.
  const proposal = await propose(
    {
      application,
      confirmed: job.confirmedPlan,
      preflight: application.sync.preflight && { diffs: DIFFS },
      signal,
      resolve: () => fetchHead(request, ports),
      keep: (stored) => keepStanding(request.said, stored, request, ports),
      stand: (head, stored) => stand(head, stored, request, ports, run),
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
  if (proposal === 'not affected') return run.end('not affected', `nothing that ${application.name} reads has changed`)
  if (proposal === 'blocked') return run.waitsFor(waiting)
  if (proposal === 'superseded') return run.end('superseded', 'a newer commit arrived')
  const { stored, decision, refused } = proposal
  const isRefused = refused.length > 0 && !application.sync.partial
  const facts = {
    application,
    job,
    windows: request.windows,
    plan: decision.plan,
    hasHooks: proposal.hooks.some(isAround),
    isRefused,
    now: ports.now(),
  }
  const stop = withheld({ ...facts, standing: stored?.inventory.standing ?? {} })
  if (stop !== undefined) return run.withheld(stop)
  const hooks = hooksOf(proposal, request, ports)
  run.changes = [...decision.plan.changes.map(unreachedChange), ...hooks.changes()]
  if (isRefused)
    return run.end(
      'failed',
      `refused, nothing was written: ${refused.length} of ${run.changes.length} objects`,
      problemOfChanges('refused', refused),
    )
  if (await superseded()) return run.end('superseded', 'a newer commit arrived')

  // Apply and prune, between the hooks before and beside.
  const carried = await run.time('apply', () =>
    carryOut({
      decision,
      destination: ports.destination,
      stored,
      inventory: decision.facts.inventory ?? emptyInventory(application.name, ports.install),
      completed: completedBy(proposal, application, ports.now()),
      partial: application.sync.partial,
      waveTimeoutMs: application.sync.healthTimeoutMs,
      hooks,
      signal,
      superseded,
    }),
  )
  run.changes = [...carried.changes, ...hooks.changes()]
  if (carried.ended === 'superseded') return run.end('superseded', `a newer commit arrived: ${summarise(run.changes)}`)
  if (typeof carried.ended === 'object') return run.stoppedBy(carried.ended)
  const failed = carried.changes.filter(({ action }) => action === 'failed')
  if (failed.length > 0)
    return run.end(
      'failed',
      `${failed.length} of ${run.changes.length} objects failed: ${summarise(run.changes)}`,
      problemOfChanges('apply-failed', failed),
    )

  // Health, and the hooks that follow it: they have limits of their own.
  onWritten()
  const hasPostSync = hooks.isDue('post-sync') && decision.plan.held === undefined
  const waited = await waitForHealth(decision, hasPostSync, request, ports, run)
  if (!hasPostSync) return conclude(run, decision)
  if (waited === 'superseded') return run.end('superseded', `a newer commit arrived before the post-sync hooks: ${summarise(run.changes)}`)
  if (run.health.status !== 'current' && application.sync.healthTimeoutMs > 0) return run.stoppedBy(notHealthy(run.health))
  const stopped = await run.time('hooks', () =>
    runPostSync({ hooks, application: application.name, destination: ports.destination, stored: carried.stored, signal }),
  )
  run.changes = [...carried.changes, ...hooks.changes()]
  return stopped === undefined ? conclude(run, decision) : run.stoppedBy(stopped)
}

/** What the inventory says after a complete run. */
function completedBy({ tree, inputs, rendering }: Proposal, { destination, deletionPolicy, sync }: Application, now: number) {
  return {
    revision: tree.revision,
    inputs,
    rendered: rendering.digest,
    appliedAt: new Date(now).toISOString(),
    // Once the configuration has the application no more, nothing else tells what was wanted.
    cluster: destination.cluster,
    deletion: {
      policy: deletionPolicy ?? 'orphan',
      ...(sync.pruneBudget && { budget: sync.pruneBudget }),
      ...(destination.serviceAccount !== undefined && { account: { namespace: destination.namespace, name: destination.serviceAccount } }),
    },
  }
}

/** The hooks of a proposal, ready to be run. */
function hooksOf({ tree, rendering, stored, decision, hooks }: Proposal, { application }: SyncRequest, { destination }: SyncPorts): Hooks {
  const maskLog = logMask(
    application,
    rendering.objects.map(({ manifest }) => manifest),
  )
  return openHooks({
    planned: hooks,
    entries: stored?.inventory.hooks,
    work: {
      destination,
      applySet: decision.facts.applySet,
      revision: tree.revision,
      timeoutMs: application.sync.hookTimeoutMs ?? HOOK_TIMEOUT_MS,
      ...(maskLog && { maskLog }),
    },
  })
}

/** What stands of the application's history: the head, or what it was rolled back to. What changes by that is told at once. */
async function stand(head: Tree, stored: StoredInventory | undefined, request: SyncRequest, ports: SyncPorts, run: Run): Promise<Stands> {
  const keep = async (pin: Pin): Promise<StoredInventory | undefined> => {
    const kept = await keepStanding({ pin }, stored, request, ports)
    await request.say({ pin })
    return kept
  }
  const stands = await heedPin(head, stored, { ...request, keep }, ports)
  run.note = stands.note
  if (stands.tree !== head) run.head = head.revision
  return stands
}

/** The branch's head, unless it is one that the branch has left already (a lagging mirror, a cache in between). */
async function fetchHead({ application, repository, job, signal }: SyncRequest, { source, heads }: SyncPorts): Promise<Tree> {
  const { ref } = application.source
  const tree = await source.fetch(repository, ref, signal)
  const named = job.triggers.some(({ reason, revision }) => reason === 'push' && revision === tree.revision)
  if ((await heads.admit(repository.name, ref, tree.revision, { application: application.name, named })) === 'accepted') return tree
  throw new GitwakeError(
    'head-left-already',
    `${repository.name} answers with ${tree.revision} for ${ref}, which the branch has left already`,
    {
      fix: 'Nothing to do: it is fetched again. If the branch was really set back, two polls two minutes apart settle it.',
      retryable: true,
    },
  )
}

/** Equal inputs and a clean inventory: the commit changes nothing here. Drift is the sweep's business, a person's wish is done anyway. */
function isAffected(job: SyncJob, inputs: string | undefined, stored: StoredInventory | undefined): boolean {
  const { reason, confirmedPlan } = job
  if ((reason !== 'push' && reason !== 'poll' && reason !== 'dependency') || confirmedPlan !== undefined || auditedBy(job, stored).size > 0)
    return true
  if (inputs === undefined || stored?.inventory.inputs !== inputs) return true
  const { entries, hooks, revision } = stored.inventory
  return hasOpenHooks(hooks, revision) || [...entries.values()].some(({ status }) => status !== 'owned')
}

/** The objects that the triggers of this job want to see audited. */
function auditedBy({ application, triggers }: SyncJob, stored: StoredInventory | undefined): ReadonlySet<ObjectKey> {
  const tracked = [...(stored?.inventory.entries.keys() ?? [])]
  return new Set(triggers.flatMap(({ audit }) => (audit === undefined ? [] : [...dueForAudit(application, tracked, audit)])))
}

/** Nothing written and healthy before: still healthy, as far as this run is concerned. Otherwise look, and wait where something was written. */
async function waitForHealth(
  decision: Decision,
  isAwaited: boolean,
  request: SyncRequest,
  { destination, now }: SyncPorts,
  run: Run,
): Promise<HealthReport['ended']> {
  const wrote = !isEmpty(decision.plan)
  if (!wrote && request.lastHealth === 'current') return 'settled'
  run.health = { status: 'in progress', objects: [] }
  await request.onApplied({ ...conclude(run, decision), finishedAt: now() })
  const { application, signal, superseded } = request
  const wanted = decision.facts.desired.objects
  const objects = wanted.map(({ object }) => object)
  const timeoutMs = wrote || isAwaited ? application.sync.healthTimeoutMs : 0
  const maskLog = logMask(
    application,
    wanted.map(({ manifest }) => manifest),
  )
  const report = await run.time('health', () =>
    destination.health(objects, decision.facts.applySet, { timeoutMs, signal, superseded, ...(maskLog && { maskLog }) }),
  )
  run.health = { status: report.status, objects: report.objects.filter(({ status }) => status !== 'current') }
  return report.ended
}

function conclude(run: Run, { plan }: Decision): SyncResult {
  const summary = summarise(run.changes)
  if (plan.held !== undefined)
    return run.end('held', plan.held.reason, { code: 'held', message: plan.held.reason, fix: plan.held.fix, retryable: false })
  const sick = run.health.objects.find(({ status }) => status === 'failed') ?? run.health.objects[0]
  return run.end('synced', sick === undefined ? summary : `${summary}; ${displayName(sick.object)} is ${sick.status}: ${sick.message}`)
}
