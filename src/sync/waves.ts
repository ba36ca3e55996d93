import type { Problem } from '../model/error.ts'
import { worstHealth, type ObjectHealth } from '../model/health.ts'
import { displayName, objectKey, type ObjectId } from '../model/object.ts'
import type { Plan, PlannedChange } from '../model/plan.ts'
import { byStageAndWave, stageOf, type Place, type Step } from '../plan/stages.ts'
import type { Decision } from './decide.ts'
import type { Destination, HealthReport, WriteOptions } from './ports.ts'
import { unreachedChange } from './refusal.ts'

/** Why a sync ended before everything was written, where no object was refused. */
export interface Stopped {
  readonly problem: Problem
  /** What was seen of the objects that it waited for. */
  readonly health?: Pick<HealthReport, 'status' | 'objects'>
}

/** What a run of writes needs to wait between its waves. */
export interface Waving {
  readonly decision: Decision
  readonly destination: Destination
  readonly options: WriteOptions
  /** How long a wave waits for the health of those before it; 0 does not wait. */
  readonly waveTimeoutMs: number
  /** Called at each stage boundary; true ends the run there. */
  readonly superseded: () => Promise<boolean>
}

/** Where a run is between its waves. */
export interface Waves {
  /**
   * Waits until everything that comes before a step and has a smaller wave is healthy. Asks nothing where no smaller wave is.
   * `failed`: what could not be written so far.
   */
  before(step: Step, failed: readonly PlannedChange[]): Promise<'stand' | 'superseded' | Stopped>
  /** What the plan has refused already of a step and those before it: it counts like what fails when it is written. */
  lacking(place: Place): readonly PlannedChange[]
}

/** Objects that nobody touches count too: a wave starts on what is there, not on what this commit changed. */
export function openWaves(plan: Plan, { decision, destination, options, superseded, waveTimeoutMs: timeoutMs }: Waving): Waves {
  const notOurs = new Set(plan.changes.filter(({ action }) => action === 'skipped').map(({ object }) => objectKey(object)))
  const objects = decision.facts.desired.objects
    .filter(({ key }) => !notOurs.has(key))
    .map(({ object, key, wave }) => ({ object, key, wave, stage: stageOf(object) }))
  const lacking = lackingIn(plan.changes)
  const known = new Set<string>()

  /** Why a Job has not done what others wait for; undefined where it has. */
  async function endOf(object: ObjectId): Promise<ObjectHealth | undefined> {
    const resource = (await destination.catalog({ refresh: false }, options.signal)).preferred(object)
    if (resource === undefined) return undefined
    const { status, message, log } = await destination.complete(object, resource, { timeoutMs, superseded, signal: options.signal })
    if (status === 'succeeded') return undefined
    return { object, status: status === 'failed' ? 'failed' : 'in progress', message, ...(log && { log }) }
  }

  return {
    lacking,

    async before(step, failed) {
      const missing = firstOfEarlierWaves([...failed, ...lacking(step)], step.wave)
      if (missing !== undefined) return lacks(step.wave, missing)
      const earlier = objects.filter((one) => one.wave < step.wave && byStageAndWave(one, step) < 0 && !known.has(one.key))
      if (earlier.length === 0 || timeoutMs === 0) return 'stand'
      const report = await destination.health(
        earlier.map(({ object }) => object),
        decision.facts.applySet,
        { timeoutMs, signal: options.signal, superseded },
      )
      if (report.ended === 'superseded') return 'superseded'
      if (report.status !== 'current') return stopped(step.wave, report)
      // A Job that runs is as healthy as can be; what comes after it needs its end.
      const ended = await Promise.all(earlier.filter(({ object }) => isJob(object)).map(({ object }) => endOf(object)))
      if (await superseded()) return 'superseded'
      const open = ended.flatMap((one) => one ?? [])
      if (open.length > 0)
        return stopped(step.wave, { status: worstHealth(open.map(({ status }) => status)), objects: open, ended: 'settled' })
      for (const { key } of earlier) known.add(key)
      return 'stand'
    },
  }
}

/** What of a plan is refused already, at a place and before it. */
function lackingIn(changes: readonly PlannedChange[]): Waves['lacking'] {
  // A hook that is refused fails in its turn.
  const refused = changes.filter(({ action, blocked, hook }) => (action === 'failed' && hook === undefined) || blocked === true)
  return (place) => refused.filter((change) => byStageAndWave(change, place) <= 0)
}

/** What a sync with `partial` will leave out, because of what is refused already: the waves behind that, and every prune. */
export function keptBack(changes: readonly PlannedChange[]): readonly PlannedChange[] {
  if (!changes.some(({ action }) => action === 'failed')) return changes
  const lacking = lackingIn(changes)
  return changes.map((change) => {
    const { operation, stage, wave = 0 } = change
    if (operation.verb === 'delete') return { ...unreachedChange(change), operation: { verb: 'none' } }
    const missing = operation.verb === 'apply' ? firstOfEarlierWaves(lacking({ stage, wave }), wave) : undefined
    return missing === undefined ? change : waits(change, lacks(wave, missing))
  })
}

function firstOfEarlierWaves(missing: readonly PlannedChange[], wave: number): PlannedChange | undefined {
  return missing.find((change) => (change.wave ?? 0) < wave)
}

function isJob({ group, kind }: ObjectId): boolean {
  return group === 'batch' && kind === 'Job'
}

function lacks(wave: number, { object, action, reason, fix, retryable }: PlannedChange): Stopped {
  const why = action === 'failed' ? 'failed' : 'is kept back'
  return {
    problem: {
      code: 'wave-failed',
      message: `wave ${wave} was not started, because ${displayName(object)} of an earlier one ${why}: ${reason}`,
      fix: fix ?? 'Correct the manifest in Git.',
      retryable: retryable === true,
      object,
    },
  }
}

function stopped(wave: number, { status, objects }: HealthReport): Stopped {
  const sick = objects.filter((one) => one.status !== 'current')
  const worst = sick.find((one) => one.status === status)
  return {
    problem: {
      code: 'wave-not-healthy',
      message: `wave ${wave} was not started, because an earlier one is not healthy: ${worst === undefined ? status : told(worst)}`,
      fix: 'Look at that object; the sync is tried again, and a new commit starts at once.',
      // What has failed rarely mends itself, so whoever waits for the sync gets this answer.
      retryable: status !== 'failed',
      ...(worst && { object: worst.object }),
    },
    health: { status, objects: sick },
  }
}

function told({ object, status, message }: ObjectHealth): string {
  return `${displayName(object)} is ${status} (${message})`
}

/** A change that a wave before it has kept back, as it is shown. */
export function waits(change: PlannedChange, { problem }: Stopped): PlannedChange {
  return { ...change, action: 'skipped', reason: `${problem.message}: ${change.reason}`, operation: { verb: 'none' } }
}
