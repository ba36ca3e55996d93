import { GitwakeError } from '../model/error.ts'
import type { Inventory } from '../model/inventory.ts'
import { groupKindKey, objectKey } from '../model/object.ts'
import type { Plan, PlannedChange } from '../model/plan.ts'
import { alteredWarning } from '../plan/altered.ts'
import { definedKinds } from '../plan/desired.ts'
import { placeOfHook, type PlannedHook } from '../plan/hooks.ts'
import type { PlanFacts } from '../plan/facts.ts'
import { isEmpty } from '../plan/plan.ts'
import { byStageAndWave } from '../plan/stages.ts'
import { applyStages, type Applying, type Beside, type Ended } from './apply.ts'
import type { Decision } from './decide.ts'
import type { Former } from './former.ts'
import type { Hooks } from './hooks.ts'
import { takeInheritance } from './inheritance.ts'
import type { Destination, Lease, StoredInventory, WriteOptions } from './ports.ts'
import { pruneStages } from './prune.ts'
import { unreachedChange } from './refusal.ts'
import { differs, narrow, widen, type Done } from './tracking.ts'

export interface CarryOut {
  readonly decision: Decision
  readonly destination: Destination
  readonly stored: StoredInventory | undefined
  /** What is taken over from the application's former name, first of all. */
  readonly former?: Former
  /** The inventory as it is now, or an empty one. */
  readonly inventory: Inventory
  /** What the inventory says after a complete run. */
  readonly completed: Pick<Inventory, 'revision' | 'inputs' | 'rendered' | 'appliedAt' | 'cluster' | 'deletion'>
  readonly partial: boolean
  readonly waveTimeoutMs: number
  readonly hooks: Hooks
  readonly signal: AbortSignal
  readonly superseded: () => Promise<boolean>
}

export interface CarriedOut {
  readonly ended: Ended
  readonly changes: readonly PlannedChange[]
  /** What a person should know of what was written. */
  readonly warnings: readonly string[]
  /** The inventory as it is then. */
  readonly stored: StoredInventory | undefined
}

const MOST_WARNINGS = 50

/**
 * Carries out a plan under the application's Lease: widen the inventory, run the hooks before, apply, prune, narrow it. Where nothing is to be
 * written, no Lease is needed.
 */
export async function carryOut(work: CarryOut): Promise<CarriedOut> {
  const { decision, destination, hooks, former, inventory, signal } = work
  // Nobody else may be about to write what is missed.
  const misses = decision.plan.changes.some(({ missed }) => missed === true)
  if (isEmpty(decision.plan) && hooks.isIdle && former === undefined && !misses) return await carryOutUnder(work, { signal })
  // Whoever still writes under the former name comes to an end first.
  const names = [inventory.application, ...(former === undefined ? [] : [former.name])]
  const leases: Lease[] = []
  try {
    for (const name of names) leases.push(await destination.acquireLease(name, signal))
    return await carryOutUnder(work, { signal, guard: () => leases.forEach((lease) => lease.guard()) })
  } finally {
    await Promise.all(leases.map((lease) => lease.release()))
  }
}

async function carryOutUnder(planned: CarryOut, options: WriteOptions): Promise<CarriedOut> {
  const stored = await announce(planned, options)
  const { former, destination } = planned
  const work =
    former === undefined ? planned : { ...planned, decision: await takeInheritance(planned.decision, former, destination, options) }
  const { plan } = work.decision
  const done: Done[] = plan.changes.filter(({ operation }) => operation.verb === 'none').map((change) => ({ change }))
  try {
    const ended = await writeAll(work, options, done)
    await work.hooks.removeLeftovers(options)
    const recorded = await record(work, stored, done, ended, options)
    await work.hooks.tidy(options)
    const warnings = done.flatMap(({ change, altered = [] }) => alteredWarning(change.object, altered)).slice(0, MOST_WARNINGS)
    return { ended, changes: inPlanOrder(plan.changes, done), warnings, stored: recorded }
  } catch (error) {
    // What was written so far is still recorded, unless the right to write is what was lost; the intended entries cover the rest.
    if (!(error instanceof GitwakeError && error.code === 'lease-lost'))
      await record(work, stored, done, 'failed', options).catch(() => undefined)
    throw error
  }
}

/** The inventory as it must be before the first write; where nothing will be written, as it was. */
async function announce(work: CarryOut, options: WriteOptions): Promise<StoredInventory | undefined> {
  const { decision, destination, hooks, inventory } = work
  const wider = widen(inventory, decision.plan, destination.serverTime())
  if (wider === undefined && hooks.isIdle && work.former === undefined) return work.stored
  // What follows health is announced with the rest: a crash in between must not skip it.
  hooks.announce()
  const entries = hooks.entries()
  const next = wider ?? { ...inventory, epoch: inventory.epoch + 1 }
  return await destination.writeInventory({ ...next, ...(entries && { hooks: entries }) }, work.stored, options)
}

async function record(
  work: CarryOut,
  stored: StoredInventory | undefined,
  done: readonly Done[],
  ended: CarriedOut['ended'],
  options: WriteOptions,
): Promise<StoredInventory | undefined> {
  const { plan, facts } = work.decision
  // Of an empty plan nothing was written yet: what was recognised after a restore stands in the one that was planned with.
  const base = stored === undefined || stored === work.stored ? work.inventory : stored.inventory
  const narrowed = narrow(base, done, facts.observation, work.destination.serverTime())
  const isWhole = plan.held === undefined && facts.restored === undefined
  const complete = ended === 'done' && isWhole && done.every(({ change }) => change.action !== 'failed')
  // What was just taken over is not pruned yet.
  const isInherited = work.former !== undefined && tracksMore(narrowed, facts)
  const isPostponed = isInherited || done.some(({ postponed }) => postponed === true)
  // Prunes that are held or were put off make no complete run: with equal inputs the next sync must still look.
  const writtenAt = new Date(work.destination.serverTime()).toISOString()
  const completed = {
    ...narrowed,
    ...(complete && { ...work.completed, writtenAt }),
    ...((!complete || isPostponed) && { inputs: undefined }),
  }
  const hooks = work.hooks.entries()
  const next = hooks === undefined ? completed : { ...completed, hooks }
  if (!differs(stored?.inventory, next)) return stored
  return await work.destination.writeInventory({ ...next, epoch: base.epoch + 1 }, stored, options)
}

/** Something is tracked that the commit does not have. */
function tracksMore({ entries }: Inventory, { desired }: PlanFacts): boolean {
  const wanted = new Set(desired.objects.map(({ key }) => key))
  return [...entries.keys()].some((key) => !wanted.has(key))
}

async function writeAll(work: CarryOut, options: WriteOptions, done: Done[]): Promise<Ended> {
  const ended = await writeBetweenHooks(work, options, done)
  // How these end changes nothing about the failure.
  if (ended === 'failed' || typeof ended === 'object') await work.hooks.run(work.hooks.due('sync-fail'), options)
  return ended
}

async function writeBetweenHooks(work: CarryOut, options: WriteOptions, done: Done[]): Promise<Ended> {
  const { decision, destination, partial, waveTimeoutMs, superseded, hooks } = work
  const applying: Applying = { decision, destination, options, partial, waveTimeoutMs, superseded, onDone: (item) => done.push(item) }
  const { first, rest } = placeOfHooks(decision.plan, hooks.due('pre-sync'))
  // Nothing else is written yet: there is no wave to wait for.
  const placed = await applyStages(first, { ...applying, waveTimeoutMs: 0 })
  if (placed !== 'done') return placed
  const before = await hooks.run(hooks.due('pre-sync'), options)
  if (before !== undefined) return before
  const applied = await applyStages(rest, { ...applying, beside: hooksBeside(hooks, superseded, options) })
  // Prunes build on all of it: what replaces an object must stand before it goes.
  if (applied !== 'done' || decision.plan.changes.some(({ action }) => action === 'failed')) return applied
  return await pruneStages(decision.plan, applying)
}

/** The sync hooks, each in its wave. */
function hooksBeside(hooks: Hooks, superseded: () => Promise<boolean>, options: WriteOptions): Beside {
  const due = hooks.due('sync')
  return {
    places: due.map(placeOfHook),
    async run(place) {
      const here = due.filter((hook) => byStageAndWave(placeOfHook(hook), place) === 0)
      if (here.length === 0) return undefined
      return (await superseded()) ? 'superseded' : await hooks.run(here, options)
    },
  }
}

/** What the hooks before everything cannot do without comes even before them: missing namespaces, and the definitions of their own kinds. */
function placeOfHooks(plan: Plan, hooks: readonly PlannedHook[]): { readonly first: Plan; readonly rest: Plan } {
  const awaited = new Set(hooks.flatMap(({ desired }) => (desired.awaitsDefinition ? [groupKindKey(desired.object)] : [])))
  const isPlace = ({ object, operation }: PlannedChange): boolean => {
    if (hooks.length === 0 || operation.verb !== 'apply') return false
    if (object.group === '' && object.kind === 'Namespace') return operation.expect === 'absent'
    return definedKinds(operation.manifest).some((kind) => awaited.has(groupKindKey(kind)))
  }
  return {
    first: { ...plan, changes: plan.changes.filter(isPlace) },
    rest: { ...plan, changes: plan.changes.filter((change) => !isPlace(change)) },
  }
}

/** The plan's entries, each as it ended; those that were not reached are skipped. */
function inPlanOrder(planned: readonly PlannedChange[], done: readonly Done[]): PlannedChange[] {
  const ended = new Map(done.map(({ change }) => [objectKey(change.object), change]))
  return planned.map((change) => ended.get(objectKey(change.object)) ?? unreachedChange(change))
}
