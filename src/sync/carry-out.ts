import { GitwakeError } from '../model/error.ts'
import type { Inventory } from '../model/inventory.ts'
import { objectKey } from '../model/object.ts'
import type { PlannedChange } from '../model/plan.ts'
import { isEmpty } from '../plan/plan.ts'
import { applyStages, type Applying, type Ended } from './apply.ts'
import type { Decision } from './decide.ts'
import type { Destination, StoredInventory, WriteOptions } from './ports.ts'
import { pruneStages } from './prune.ts'
import { unreachedChange } from './refusal.ts'
import { differs, narrow, widen, type Done } from './tracking.ts'

export interface CarryOut {
  readonly decision: Decision
  readonly destination: Destination
  readonly stored: StoredInventory | undefined
  /** The inventory as it is now, or an empty one. */
  readonly inventory: Inventory
  /** What the inventory says after a complete run. */
  readonly completed: Pick<Inventory, 'revision' | 'inputs' | 'rendered' | 'appliedAt'>
  readonly partial: boolean
  readonly waveTimeoutMs: number
  readonly signal: AbortSignal
  readonly superseded: () => Promise<boolean>
}

export interface CarriedOut {
  readonly ended: Ended
  readonly changes: readonly PlannedChange[]
}

/** Carries out a plan under the application's Lease: widen the inventory, apply, prune, narrow it. An empty plan needs no Lease. */
export async function carryOut(work: CarryOut): Promise<CarriedOut> {
  if (isEmpty(work.decision.plan)) return await carryOutUnder(work, { signal: work.signal })
  const lease = await work.destination.acquireLease(work.inventory.application, work.signal)
  try {
    return await carryOutUnder(work, { signal: work.signal, guard: () => lease.guard() })
  } finally {
    await lease.release()
  }
}

async function carryOutUnder(work: CarryOut, options: WriteOptions): Promise<CarriedOut> {
  const { plan } = work.decision
  const wider = widen(work.inventory, plan, work.destination.serverTime())
  const stored = wider === undefined ? work.stored : await work.destination.writeInventory(wider, work.stored, options)
  const done: Done[] = plan.changes.filter(({ operation }) => operation.verb === 'none').map((change) => ({ change }))
  try {
    const ended = await writeAll(work, options, done)
    await record(work, stored, done, ended, options)
    return { ended, changes: inPlanOrder(plan.changes, done) }
  } catch (error) {
    // What was written so far is still recorded, unless the right to write is what was lost; the intended entries cover the rest.
    if (!(error instanceof GitwakeError && error.code === 'lease-lost'))
      await record(work, stored, done, 'failed', options).catch(() => undefined)
    throw error
  }
}

async function record(
  work: CarryOut,
  stored: StoredInventory | undefined,
  done: readonly Done[],
  ended: CarriedOut['ended'],
  options: WriteOptions,
): Promise<void> {
  const { plan, facts } = work.decision
  const base = stored?.inventory ?? work.inventory
  const narrowed = narrow(base, done, facts.observation)
  const complete = ended === 'done' && plan.held === undefined && done.every(({ change }) => change.action !== 'failed')
  // A held prune is no complete run: with equal inputs the next sync must still look.
  const next = complete ? { ...narrowed, ...work.completed } : { ...narrowed, inputs: undefined }
  if (differs(stored?.inventory, next)) await work.destination.writeInventory({ ...next, epoch: base.epoch + 1 }, stored, options)
}

async function writeAll(work: CarryOut, options: WriteOptions, done: Done[]): Promise<CarriedOut['ended']> {
  const { decision, destination, partial, waveTimeoutMs, superseded } = work
  const applying: Applying = { decision, destination, options, partial, waveTimeoutMs, superseded, onDone: (item) => done.push(item) }
  const applied = await applyStages(decision.plan, applying)
  // Prune only after every stage succeeded: what replaces an object must stand before it goes.
  if (applied !== 'done' || decision.plan.changes.some(({ action }) => action === 'failed')) return applied
  return await pruneStages(decision.plan, applying)
}

/** The plan's entries, each as it ended; those that were not reached are skipped. */
function inPlanOrder(planned: readonly PlannedChange[], done: readonly Done[]): PlannedChange[] {
  const ended = new Map(done.map(({ change }) => [objectKey(change.object), change]))
  return planned.map((change) => ended.get(objectKey(change.object)) ?? unreachedChange(change))
}
