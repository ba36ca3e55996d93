import { PART_OF_LABEL } from '../model/names.ts'
import { displayName, objectKey } from '../model/object.ts'
import type { ObservedObject } from '../model/observation.ts'
import type { Plan, PlannedChange } from '../model/plan.ts'
import { asksOtherwise } from '../plan/prune.ts'
import type { Found } from '../plan/questions.ts'
import { stepsOf } from '../plan/stages.ts'
import { ATTEMPTS, type Applying } from './apply.ts'
import { openGoing, putOff } from './going.ts'
import type { Deleted } from './ports.ts'
import { CONTROLLERS } from './recreate.ts'
import { refusedChange } from './refusal.ts'
import { resourceFor } from './resources.ts'
import { together } from './together.ts'
import type { Done } from './tracking.ts'

/**
 * Carries out the deletes of a plan in reverse order of stages and waves; a failed one stays tracked and does not stop the others. What was
 * deleted must be gone before the next step, but not for ever: past the time that a wave may take, the rest is put off to the next sync.
 */
export async function pruneStages(plan: Plan, pruning: Applying): Promise<'done' | 'failed' | 'superseded'> {
  const steps = stepsOf(plan.changes.filter(({ operation }) => operation.verb === 'delete'))
  const going = openGoing(plan, pruning)
  let failed = false
  for (const [index, step] of steps.reverse().entries()) {
    if (await pruning.superseded()) return 'superseded'
    const left = await going.before(step)
    if (left === 'superseded') return 'superseded'
    if (left !== 'gone') {
      const name = displayName(left.hanging.object)
      for (const change of steps.slice(index).flatMap(({ changes }) => changes)) pruning.onDone(putOff(change, name, left.seen))
      break
    }
    const isAwaited = steps.slice(index + 1).some(({ wave }) => wave < step.wave)
    const changes = pruning.waveTimeoutMs > 0 && isAwaited ? step.changes.map(withPods) : step.changes
    const done = await together(changes, pruning, pruneChange)
    going.add(step.changes, done)
    failed ||= done.some(({ change }) => change.action === 'failed')
  }
  return failed ? 'failed' : 'done'
}

/** An earlier wave outlives the Pods of a later one, too. */
function withPods(change: PlannedChange): PlannedChange {
  const { operation, object } = change
  return operation.verb === 'delete' && CONTROLLERS.has(object.kind)
    ? { ...change, operation: { ...operation, waitForDependents: true } }
    : change
}

async function pruneChange(change: PlannedChange, pruning: Applying): Promise<Done> {
  const done = outcome(change, await remove(change, pruning))
  pruning.onDone(done)
  return done
}

async function remove(change: PlannedChange, pruning: Applying): Promise<Deleted> {
  const { operation, object } = change
  const resource = resourceFor(change, pruning.decision)
  if (operation.verb !== 'delete' || resource === undefined) return { ok: true, finalizers: [] } // Its kind is gone, and it with it.
  let resourceVersion = operation.resourceVersion
  for (let attempt = 1; ; attempt += 1) {
    const answer = await pruning.destination.delete(object, { ...operation, resourceVersion }, resource, pruning.options)
    if (answer.ok || answer.class !== 'conflict' || attempt === ATTEMPTS) return answer
    // Somebody wrote to it since: a status, or the rules of an aggregated role that lose a part with each role pruned beside it.
    const seen = await lookAgain(change, operation.version, pruning)
    if (seen === undefined || seen === 'absent' || seen.uid !== operation.uid) return { ok: true, finalizers: [] } // Another uid is another object.
    if (seen.labels[PART_OF_LABEL] !== pruning.decision.facts.applySet || seen.controller !== undefined) return answer // Not ours any more: plan again.
    const before = seenBefore(change, pruning)
    if (before !== undefined && asksOtherwise(before, seen))
      return { ...answer, message: 'its annotations ask for something else since it was planned' }
    resourceVersion = seen.resourceVersion
  }
}

function seenBefore({ object }: PlannedChange, { decision: { facts } }: Applying): ObservedObject | undefined {
  const found = facts.answers.found.get(objectKey(object))
  return facts.observation.objects.get(objectKey(object)) ?? (found === 'absent' ? undefined : found)
}

async function lookAgain({ object }: PlannedChange, version: string, { destination, options }: Applying): Promise<Found | undefined> {
  const { found } = await destination.answer(
    { look: [{ object, version }], compare: [] },
    { found: new Map(), compared: new Map() },
    options.signal,
  )
  return found.get(objectKey(object))
}

function outcome(change: PlannedChange, answer: Deleted): Done {
  if (!answer.ok) return { change: refusedChange(change, answer) }
  if (answer.finalizers.length === 0) return { change }
  return { change: { ...change, reason: `${change.reason}; it waits for its finalizers (${answer.finalizers.join(', ')})` }, lingers: true }
}
