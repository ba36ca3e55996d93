import type { Application, Repository } from '../model/configuration.ts'
import { GitwakeError } from '../model/error.ts'
import type { HealthStatus } from '../model/health.ts'
import type { SyncJob } from '../model/job.ts'
import { displayName } from '../model/object.ts'
import { applySetId } from '../model/names.ts'
import type { SyncResult } from '../model/result.ts'
import type { RenderInputs, Rendering, Tree } from '../model/tree.ts'
import { sha256 } from '../model/digest.ts'
import type { PlannedChange } from '../model/plan.ts'
import { isEmpty, refusals } from '../plan/plan.ts'
import { carryOut } from './carry-out.ts'
import { decide, decideAgain, inputsDigest, type Decision, type Subject } from './decide.ts'
import type { Destination, Heads, Renderer, Source, StoredInventory } from './ports.ts'
import { preflight } from './preflight.ts'
import { openRun, problemOfChanges, summarise, type Run } from './run.ts'
import { emptyInventory } from './tracking.ts'
import type { Found } from '../plan/questions.ts'
import { objectKey, versionOf } from '../model/object.ts'

/** What a sync needs from outside. */
export interface SyncPorts {
  readonly source: Source
  readonly renderer: Renderer
  readonly destination: Destination
  readonly heads: Heads
  /** Names this installation: two installations never write one application. */
  readonly install: string
  readonly inventoryNamespace: string
  readonly applicationOf: (applySet: string) => string | undefined
  readonly now: () => number
}

/** What one run is about and what may end it. */
export interface SyncRequest {
  readonly job: SyncJob
  readonly application: Application
  readonly repository: Repository
  /** As last published; 'unknown' makes the sync look. */
  readonly lastHealth: HealthStatus
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
  try {
    return await runStages(request, ports, run)
  } catch (error) {
    if (request.signal.aborted) return run.end('superseded', 'interrupted: the worker is shutting down')
    return run.stopped(error)
  }
}

async function runStages(request: SyncRequest, ports: SyncPorts, run: Run): Promise<SyncResult> {
  const { application, job, signal, superseded } = request
  const { destination } = ports

  // Resolve. The inventory does not depend on the commit, so both are read at once.
  const [tree, stored] = await run.time('fetch', () => Promise.all([fetchHead(request, ports), readInventory(request, ports)]))
  run.revision = tree.revision
  const inventory = stored?.inventory

  // Render, unless everything that it would read is as it was.
  const { inputs, missingPath } = await run.time('render', () => readInputs(tree, request, ports))
  const digest = inputs === undefined ? undefined : inputsDigest(inputs.digest, application)
  if (isUnaffected(job, digest, stored)) return run.end('not affected', `nothing that ${application.name} reads has changed`)
  const rendering = await run.time('render', () => (inputs === undefined ? NOTHING : ports.renderer.render(tree, inputs, signal)))
  run.rendered = rendering.digest
  run.warnings = rendering.warnings
  if (await superseded()) return run.end('superseded', 'a newer commit arrived')

  // Observe and plan, then ask the API server what it thinks of the plan before the first write.
  const subject: Subject = {
    application,
    applySet: applySetId(application.name, ports.inventoryNamespace),
    applicationOf: ports.applicationOf,
    rendering,
    inventory,
    missingPath,
    confirmed: job.confirmedPlan,
  }
  const planned = await run.time('observe', () => decide(subject, destination, signal))
  const { decision, refused } = await run.time('preflight', () => check(planned, application, destination, signal))
  run.changes = decision.plan.changes
  run.warnings = [...rendering.warnings, ...decision.plan.warnings]
  run.plan = decision.plan.held?.digest
  if (refused.length > 0 && !application.sync.partial)
    return run.end(
      'failed',
      `refused, nothing was written: ${refused.length} of ${run.changes.length} objects`,
      problemOfChanges('refused', refused),
    )
  if (job.reason === 'drift' && !application.sync.selfHeal && !isEmpty(decision.plan))
    return run.end('drifted', `reported only (selfHeal: false): ${summarise(run.changes)}`)
  if (await superseded()) return run.end('superseded', 'a newer commit arrived')

  // Apply and prune.
  const carried = await run.time('apply', () =>
    carryOut({
      decision,
      destination,
      stored,
      inventory: inventory ?? emptyInventory(application.name, ports.install),
      completed: { revision: tree.revision, inputs: digest, rendered: rendering.digest, appliedAt: new Date(ports.now()).toISOString() },
      partial: application.sync.partial,
      signal,
      superseded,
    }),
  )
  run.changes = carried.changes
  if (carried.ended === 'superseded') return run.end('superseded', `a newer commit arrived: ${summarise(run.changes)}`)
  const failed = run.changes.filter(({ action }) => action === 'failed')
  if (failed.length > 0)
    return run.end(
      'failed',
      `${failed.length} of ${run.changes.length} objects failed: ${summarise(run.changes)}`,
      problemOfChanges('apply-failed', failed),
    )

  // Health.
  await waitForHealth(decision, request, ports, run)
  return conclude(run, decision)
}

const NOTHING: Promise<Rendering> = Promise.resolve({ objects: [], digest: sha256(''), warnings: [] })

/** The branch's head, unless it is one that the branch has left already (a lagging mirror, a cache in between). */
async function fetchHead({ application, repository, job, signal }: SyncRequest, { source, heads }: SyncPorts): Promise<Tree> {
  const { ref } = application.source
  const tree = await source.fetch(repository, ref, signal)
  const named = job.triggers.some(({ reason, revision }) => reason === 'push' && revision === tree.revision)
  if ((await heads.admit(repository.name, ref, tree.revision, named)) === 'accepted') return tree
  throw new GitwakeError(
    'head-left-already',
    `${repository.name} answers with ${tree.revision} for ${ref}, which the branch has left already`,
    {
      fix: 'Nothing to do: it is fetched again. If the branch was really set back, two polls two minutes apart settle it.',
      retryable: true,
    },
  )
}

async function readInventory(
  { application, signal }: SyncRequest,
  { destination, install }: SyncPorts,
): Promise<StoredInventory | undefined> {
  const stored = await destination.readInventory(application.name, signal)
  if (stored === undefined || stored.inventory.install === install) return stored
  throw new GitwakeError(
    'owned-by-other-install',
    `${application.name} is owned by the gitwake installation "${stored.inventory.install}", this one is "${install}"`,
    {
      fix: 'Give the application another name here, or set GITWAKE_INSTALL to the same name in both after stopping the other.',
    },
  )
}

/** A path that is gone from the commit is an empty render that waits for a person, where there is something to lose. */
async function readInputs(
  tree: Tree,
  { application, signal }: SyncRequest,
  { renderer, destination }: SyncPorts,
): Promise<{ inputs: RenderInputs | undefined; missingPath: string | undefined }> {
  try {
    return { inputs: await renderer.inputs(tree, application, signal), missingPath: undefined }
  } catch (error) {
    if (!(error instanceof GitwakeError) || error.code !== 'path-not-found') throw error
    const stored = await destination.readInventory(application.name, signal)
    if (stored === undefined || stored.inventory.entries.size === 0) throw error
    return { inputs: undefined, missingPath: application.source.path }
  }
}

/** Equal inputs and a clean inventory: the commit changes nothing here. Drift is the sweep's business, a person's wish is done anyway. */
function isUnaffected({ reason, confirmedPlan }: SyncJob, digest: string | undefined, stored: StoredInventory | undefined): boolean {
  if ((reason !== 'push' && reason !== 'poll') || confirmedPlan !== undefined) return false
  if (digest === undefined || stored?.inventory.inputs !== digest) return false
  return [...stored.inventory.entries.values()].every(({ status }) => status === 'owned')
}

/** A plan that the API server was asked about, and what stops an all-or-nothing sync before the first write. */
interface Checked {
  readonly decision: Decision
  readonly refused: readonly PlannedChange[]
}

/** Preflights a plan; what turns out to exist or to have moved is looked at, planned again and checked again. */
async function check(planned: Decision, { sync: policy }: Application, destination: Destination, signal: AbortSignal): Promise<Checked> {
  let decision = planned
  if (!policy.preflight) return { decision, refused: refusals(decision.plan) }
  for (let round = 0; ; round += 1) {
    const { plan, refused, moved } = await preflight(decision, destination, signal)
    // Whatever the API server refuses now would leave the commit half applied, even if it takes it a second later.
    if (moved.length === 0 || round === 2) return { decision: { ...decision, plan }, refused: [...refusals(decision.plan), ...refused] }
    const look = moved.map(({ object, operation }) => ({
      object,
      version: operation.verb === 'apply' ? versionOf(operation.manifest.apiVersion) : '',
    }))
    const { found } = await destination.answer({ look, compare: [] }, { found: new Map(), compared: new Map() }, signal)
    const fresh = new Map<string, Found>(moved.map(({ object }) => [objectKey(object), found.get(objectKey(object)) ?? 'absent']))
    decision = await decideAgain(decision, fresh, destination, signal)
  }
}

/** Nothing written and healthy before: still healthy, as far as this run is concerned. Otherwise look, and wait where something was written. */
async function waitForHealth(decision: Decision, request: SyncRequest, { destination, now }: SyncPorts, run: Run): Promise<void> {
  const wrote = !isEmpty(decision.plan)
  if (!wrote && request.lastHealth === 'current') return
  run.health = { status: 'in progress', objects: [] }
  await request.onApplied({ ...conclude(run, decision), finishedAt: now() })
  const objects = decision.facts.desired.objects.map(({ object }) => object)
  const timeoutMs = wrote ? request.application.sync.healthTimeoutMs : 0
  const report = await run.time('health', () =>
    destination.health(objects, decision.facts.applySet, { timeoutMs, signal: request.signal, superseded: request.superseded }),
  )
  run.health = { status: report.status, objects: report.objects.filter(({ status }) => status !== 'current') }
}

function conclude(run: Run, { plan }: Decision): SyncResult {
  const summary = summarise(run.changes)
  if (plan.held !== undefined)
    return run.end('held', plan.held.reason, { code: 'held', message: plan.held.reason, fix: plan.held.fix, retryable: false })
  const sick = run.health.objects.find(({ status }) => status === 'failed') ?? run.health.objects[0]
  return run.end('synced', sick === undefined ? summary : `${summary}; ${displayName(sick.object)} is ${sick.status}: ${sick.message}`)
}
