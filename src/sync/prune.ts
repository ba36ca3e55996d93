import { PART_OF_LABEL } from '../model/names.ts'
import { objectKey } from '../model/object.ts'
import type { Plan, PlannedChange } from '../model/plan.ts'
import type { Found } from '../plan/questions.ts'
import { stepsOf } from '../plan/stages.ts'
import { ATTEMPTS, type Applying } from './apply.ts'
import type { Deleted } from './ports.ts'
import { refusedChange } from './refusal.ts'
import { resourceFor } from './resources.ts'
import { together } from './together.ts'
import type { Done } from './tracking.ts'

/** Carries out the deletes of a plan in reverse order of stages and waves; a failed one stays tracked and does not stop the others. */
export async function pruneStages(plan: Plan, pruning: Applying): Promise<'done' | 'failed' | 'superseded'> {
  const steps = stepsOf(plan.changes.filter(({ operation }) => operation.verb === 'delete'))
  let failed = false
  for (const { changes } of steps.reverse()) {
    if (await pruning.superseded()) return 'superseded'
    const done = await together(changes, pruning, pruneChange)
    failed ||= done.some(({ change }) => change.action === 'failed')
  }
  return failed ? 'failed' : 'done'
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
    resourceVersion = seen.resourceVersion
  }
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
