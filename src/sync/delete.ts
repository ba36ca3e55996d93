import type { Application } from '../model/configuration.ts'
import { sha256 } from '../model/digest.ts'
import type { Inventory } from '../model/inventory.ts'
import { displayName, objectKey, type ObjectKey } from '../model/object.ts'
import type { PlannedChange } from '../model/plan.ts'
import type { SyncResult } from '../model/result.ts'
import { decide, type Decision } from './decide.ts'
import { runDeletionHooks } from './deletion-hooks.ts'
import { releaseAll } from './detach.ts'
import type { Leaving } from './leaving.ts'
import { pruneStages } from './prune.ts'
import { problemOfChanges, summarise } from './run.ts'
import { narrow, type Done } from './tracking.ts'

const HOOK_TIMEOUT_MS = 300_000
/** So long a wave is waited for; then the next try goes on. */
const WAVE_TIMEOUT_MS = 60_000

/**
 * Everything that the application owns is deleted, in reverse order and inside the budget that its configuration had; beyond that it is held.
 * What is never pruned (by its kind or its annotation) is released. The inventory stays until the last object is gone.
 */
export async function deleteAll(leaving: Leaving): Promise<SyncResult> {
  const { run, request, destination, options } = leaving
  const decision = await run.time('observe', () => decide(subjectOf(leaving), destination, options.signal))
  const { plan } = decision
  run.changes = plan.changes
  run.warnings = plan.warnings
  run.plan = plan.held?.digest
  if (plan.held !== undefined) {
    const { reason } = plan.held
    const fix = `Confirm exactly this plan: gitwake delete ${request.job.application} --confirm ${plan.held.digest}.`
    return run.end('held', reason, { code: 'held', message: reason, fix, retryable: false })
  }
  const ended = new Map<ObjectKey, Done>()
  const take = (item: Done): void => void ended.set(objectKey(item.change.object), item)
  for (const change of plan.changes) if (change.operation.verb === 'none') take({ change })
  await run.time('prune', () => pruneStages(plan, pruning(decision, leaving, take)))
  const done = [...ended.values()]
  run.changes = done.map(({ change }) => change)
  const failed = run.changes.filter((change) => change.action === 'failed' || isUnknown(change, decision))
  const isWaiting = ({ change, lingers, postponed }: Done): boolean =>
    lingers === true || postponed === true || change.missed === true || isTerminating(change, decision)
  const waiting = done.filter(isWaiting).map(({ change }) => change)
  const kept = done
    .filter((item) => item.change.action === 'skipped' && !isWaiting(item) && !isUnknown(item.change, decision))
    .map(({ change }) => change)
  return await finish(
    { narrowed: narrow(leaving.stored.inventory, done, decision.facts.observation, destination.serverTime()), failed, waiting, kept },
    leaving,
  )
}

interface Left {
  readonly narrowed: Inventory
  readonly failed: readonly PlannedChange[]
  readonly waiting: readonly PlannedChange[]
  readonly kept: readonly PlannedChange[]
}

async function finish({ narrowed, failed, waiting, kept }: Left, leaving: Leaving): Promise<SyncResult> {
  const { run, request, destination, options, applySet } = leaving
  const next = { ...narrowed, inputs: undefined, epoch: narrowed.epoch + 1 }
  const stored = await destination.writeInventory(next, leaving.stored, options)
  if (failed.length > 0)
    return run.end(
      'failed',
      `${failed.length} objects could not be deleted: ${summarise(run.changes)}`,
      problemOfChanges('prune-refused', failed),
    )
  const [first] = waiting
  if (first !== undefined) {
    const message = `still being deleted: ${named(waiting)}`
    return run.end('failed', message, {
      code: 'still-terminating',
      message,
      fix: first.fix ?? 'Nothing to do: it is looked at again.',
      retryable: true,
    })
  }
  const entries = kept.flatMap(({ object }) => stored.inventory.entries.get(objectKey(object)) ?? [])
  const released = await releaseAll(entries, { ...leaving, stored })
  const refused = released.filter(({ action }) => action === 'failed')
  if (refused.length > 0)
    return run.end('failed', `${refused.length} kept objects still carry gitwake's marks`, problemOfChanges('release-refused', refused))
  const stopped = await runDeletionHooks(stored.inventory, { destination, applySet, timeoutMs: HOOK_TIMEOUT_MS }, options)
  if (stopped !== undefined) return run.stoppedBy(stopped)
  await destination.deleteInventory(stored, options)
  return run.end('synced', `${request.job.application} is gone from ${request.cluster}: ${summarise(run.changes)}`)
}

const MOST_NAMED = 5

function named(changes: readonly PlannedChange[]): string {
  const some = changes.slice(0, MOST_NAMED).map(({ object, reason }) => `${displayName(object)} (${reason})`)
  return [...some, ...(changes.length > MOST_NAMED ? [`and ${changes.length - MOST_NAMED} more`] : [])].join('; ')
}

function isTerminating({ object, action }: PlannedChange, { facts }: Decision): boolean {
  const key = objectKey(object)
  const found = facts.answers.found.get(key)
  const seen = facts.observation.objects.get(key) ?? (found === 'absent' ? undefined : found)
  return action === 'skipped' && seen?.terminating === true
}

/** Skipped because nothing is known of it. */
function isUnknown({ object, action }: PlannedChange, { facts }: Decision): boolean {
  const key = objectKey(object)
  return action === 'skipped' && !facts.observation.objects.has(key) && !facts.answers.found.has(key)
}

function pruning(decision: Decision, { destination, options }: Leaving, onDone: (done: Done) => void) {
  return {
    decision,
    destination,
    options,
    partial: false,
    waveTimeoutMs: WAVE_TIMEOUT_MS,
    superseded: () => Promise.resolve(false),
    onDone,
  }
}

function subjectOf({ request, stored, applySet }: Leaving) {
  const { job, cluster } = request
  const { inventory } = stored
  const { budget } = inventory.deletion ?? {}
  // What the configuration would say of it, if it had it still: nothing is wanted, and the budget is the last one known.
  const application: Application = {
    name: job.application,
    source: { repository: '', ref: '', path: '' },
    destination: { cluster, namespace: '', createNamespace: false },
    sync: {
      prune: true,
      ...(budget && { pruneBudget: budget }),
      selfHeal: true,
      partial: false,
      preflight: false,
      undeclared: 'report',
      healthTimeoutMs: 0,
    },
    dependsOn: [],
  }
  return {
    application,
    applySet,
    applicationOf: () => undefined,
    rendering: { objects: [], digest: sha256(''), warnings: [] },
    inventory,
    missingPath: undefined,
    confirmed: job.confirmedPlan,
    audited: new Set<string>(),
    fights: [],
    departing: true,
  }
}
