import { setTimeout as sleep } from 'node:timers/promises'
import { objectKey, versionOf } from '../model/object.ts'
import type { DeleteOperation, Plan, PlannedChange } from '../model/plan.ts'
import type { Found } from '../plan/questions.ts'
import { block, needFirst } from '../plan/blocked.ts'
import { planObject } from '../plan/object.ts'
import { stepsOf, type Place, type Step } from '../plan/stages.ts'
import type { Refused, Written } from './ports.ts'
import { recreate, recreation } from './recreate.ts'
import { refusedChange } from './refusal.ts'
import { resourceFor } from './resources.ts'
import { together } from './together.ts'
import type { Done } from './tracking.ts'
import { openWaves, waits, type Stopped, type Waving } from './waves.ts'

/** An operator that comes in the same commit needs about this long until its webhook answers or its API is served. */
const PATIENCE_MS = 30_000
const PAUSE_MS = 500
/** An object that somebody changes all the time is tried again this often within one sync. */
export const ATTEMPTS = 8

/** How a run of writes ended; `Stopped` where something other than a refused object did it. */
export type Ended = 'done' | 'failed' | 'superseded' | Stopped

export interface Applying extends Waving {
  /** Go on with the next stage although an object of this one was refused. */
  readonly partial: boolean
  /** What runs between the steps, after the writes of its place and before those of the next. */
  readonly beside?: Beside
  /** Every change that has ended, in the order of ending. */
  readonly onDone: (done: Done) => void
}

export interface Beside {
  readonly places: readonly Place[]
  /** Undefined where the next step may follow. */
  run(place: Place): Promise<'superseded' | Stopped | undefined>
}

/**
 * Carries out the applies of a plan, stage by stage and wave by wave. Stops after a step in which something failed, unless `partial`, and
 * before a wave whose earlier waves do not stand.
 */
export async function applyStages(plan: Plan, applying: Applying): Promise<Ended> {
  const { beside, partial, superseded } = applying
  const steps = stepsOf(
    plan.changes.filter(({ operation }) => operation.verb === 'apply'),
    beside?.places,
  )
  const waves = openWaves(plan, applying)
  const stopBefore = (later: readonly Step[], stopped: Stopped): Stopped => {
    for (const change of later.flatMap(({ changes }) => changes)) finish({ change: waits(change, stopped) }, applying)
    return stopped
  }
  const broken: PlannedChange[] = []
  for (const [index, step] of steps.entries()) {
    const { changes } = step
    if (await superseded()) return 'superseded'
    const earlier = await waves.before(step, broken)
    if (earlier === 'superseded') return 'superseded'
    if (earlier !== 'stand') return stopBefore(steps.slice(index), earlier)
    broken.push(...(await (partial ? applyWhatCan(changes, broken, applying) : applyTogether(changes, applying))))
    if (broken.length > 0 && !partial) return 'failed'
    await settleDefinitions(
      changes.filter((change) => !isAmong(change, broken)),
      applying,
    )
    // A hook builds on all that comes before it.
    if (broken.length > 0 || waves.lacking(step).length > 0) continue
    const ran = await beside?.run(step)
    if (ran === 'superseded') return 'superseded'
    if (ran !== undefined) return stopBefore(steps.slice(index + 1), ran)
  }
  return broken.length > 0 ? 'failed' : 'done'
}

function isAmong({ object }: PlannedChange, changes: readonly PlannedChange[]): boolean {
  return changes.some((change) => objectKey(change.object) === objectKey(object))
}

/** Writes changes side by side; returns those that failed. */
async function applyTogether(changes: readonly PlannedChange[], applying: Applying): Promise<PlannedChange[]> {
  const done = await together(changes, applying, applyChange)
  return done.map(({ change }) => change).filter(({ action }) => action === 'failed')
}

/** What others need is written before them, so that nothing is written whose need has failed. */
async function applyWhatCan(
  changes: readonly PlannedChange[],
  before: readonly PlannedChange[],
  applying: Applying,
): Promise<readonly PlannedChange[]> {
  const desired = applying.decision.facts.desired.objects
  const failed: PlannedChange[] = []
  for (const group of needFirst(changes, desired)) {
    const settled = block(group, desired, [...before, ...failed])
    const { true: blocked = [], false: free = [] } = Object.groupBy(settled, ({ operation }) => String(operation.verb === 'none'))
    for (const change of blocked) finish({ change }, applying)
    failed.push(...blocked, ...(await applyTogether(free, applying)))
  }
  return failed
}

async function settleDefinitions(changes: readonly PlannedChange[], { destination, options }: Applying): Promise<void> {
  const names = changes.filter(({ object }) => object.kind === 'CustomResourceDefinition').map(({ object }) => object.name)
  if (names.length === 0) return
  await destination.waitForDefinitions(names, PATIENCE_MS, options.signal)
  await destination.catalog({ refresh: true }, options.signal)
}

async function applyChange(planned: PlannedChange, applying: Applying): Promise<Done> {
  const deadline = performance.now() + PATIENCE_MS
  let change = planned
  for (let attempt = 1; ; attempt += 1) {
    const answer = await write(change, applying)
    if (answer === undefined) return finish({ change }, applying)
    if (answer.ok) return finish({ change, seen: answer.seen, altered: answer.altered ?? [] }, applying)
    const next = await afterRefusal(change, answer, applying, attempt < ATTEMPTS, performance.now() < deadline)
    if (next === undefined) return finish({ change: refusedChange(change, answer) }, applying)
    change = next
  }
}

function finish(done: Done, { onDone }: Applying): Done {
  onDone(done)
  return done
}

async function write(change: PlannedChange, { decision, destination, options }: Applying): Promise<Written | undefined> {
  const { operation } = change
  if (operation.verb !== 'apply') return undefined
  const resource = resourceFor(change, decision, await destination.catalog({ refresh: false }, options.signal))
  if (resource === undefined) return { ok: false, class: 'unknown-kind', message: 'the cluster does not serve this kind', retryable: false }
  if (operation.replaces !== undefined) return await recreate(change, operation, resource, destination, options)
  return await destination.apply(operation, resource, { ...options, adopting: change.action === 'adopted' })
}

/** What to write next after a refusal, or undefined where the refusal stands. */
async function afterRefusal(
  change: PlannedChange,
  answer: Refused,
  applying: Applying,
  mayRepeat: boolean,
  mayWait: boolean,
): Promise<PlannedChange | undefined> {
  const { operation } = change
  if (operation.verb !== 'apply') return undefined
  if (answer.class === 'conflict' && mayRepeat) {
    const again = await planAgain(change, applying)
    return operation.replaces === undefined || again === undefined ? again : await stillRecreate(again, operation.replaces, applying)
  }
  if (mayHeal(change, answer)) return { ...change, operation: { ...operation, takeOver: true } }
  const isComing = change.deferred !== undefined || answer.class === 'webhook-failed'
  if (isComing && mayWait && COMING.has(answer.class)) {
    await sleep(PAUSE_MS, undefined, { signal: applying.options.signal })
    if (await applying.superseded()) return undefined
    if (answer.class === 'unknown-kind') await applying.destination.catalog({ refresh: true }, applying.options.signal)
    return change
  }
  return undefined
}

/** Somebody wrote to an object that was to be recreated: it is asked again whether it must be. Of another object nobody asked that. */
async function stillRecreate(
  change: PlannedChange,
  replaces: DeleteOperation,
  { decision, destination, options }: Applying,
): Promise<PlannedChange> {
  const { operation } = change
  const resource = resourceFor(change, decision)
  if (operation.verb !== 'apply' || operation.expect === 'absent' || operation.expect.uid !== replaces.uid || resource === undefined)
    return change
  const answer = await destination.dryRun(operation, resource, { awaitsNamespace: false, compare: false, signal: options.signal })
  return (answer.ok ? undefined : await recreation(change, answer, decision, resource, destination, options.signal)) ?? change
}

/** Refusals that end by themselves while what the same commit brought is starting. */
const COMING = new Set(['webhook-failed', 'unknown-kind', 'not-found', 'namespace-missing', 'forbidden'])

/** The destination namespace, which Git need not declare: another application with the same one was quicker. */
const THERE_ALREADY = { action: 'unchanged', reason: 'was made by somebody else meanwhile', operation: { verb: 'none' } } as const

function isThere(seen: Found): boolean {
  return seen !== 'absent' && !seen.terminating
}

async function planAgain(change: PlannedChange, { decision, destination, options }: Applying): Promise<PlannedChange | undefined> {
  const { facts } = decision
  const key = objectKey(change.object)
  const desired = facts.desired.objects.find((candidate) => candidate.key === key)
  if (change.operation.verb !== 'apply') return undefined
  const look = [{ object: change.object, version: versionOf(change.operation.manifest.apiVersion) }]
  const { found } = await destination.answer({ look, compare: [] }, { found: new Map(), compared: new Map() }, options.signal)
  const objects = new Map(facts.observation.objects)
  const seen: Found = found.get(key) ?? 'absent'
  if (desired === undefined) return isThere(seen) ? { ...change, ...THERE_ALREADY } : undefined
  if (seen === 'absent') objects.delete(key)
  else objects.set(key, seen)
  const compared = new Map([[key, 'different'] as const])
  const again = planObject(desired, { ...facts, observation: { ...facts.observation, objects }, answers: { found, compared } })
  const { operation } = again.change
  // What needed a take-over before still does.
  return operation.verb === 'apply' && change.operation.takeOver
    ? { ...again.change, operation: { ...operation, takeOver: true } }
    : again.change
}

/** A drifted object may refuse our fields only because of fields that somebody added: the apply takes those over first. */
function mayHeal(change: PlannedChange, answer: Refused): boolean {
  const { operation } = change
  return operation.verb === 'apply' && operation.expect !== 'absent' && !operation.takeOver && answer.class === 'invalid'
}
