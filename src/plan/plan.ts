import { objectKey, type ObjectKey } from '../model/object.ts'
import type { Plan, PlannedChange } from '../model/plan.ts'
import { deferrals } from './deferrals.ts'
import { guardPrunes, pruneDigest } from './guards.ts'
import { duplicate } from './duplicate.ts'
import type { PlanFacts } from './facts.ts'
import { isAround } from './hooks.ts'
import { planObject } from './object.ts'
import { namespaceObject, planNamespace } from './place.ts'
import { planPrunes } from './prune.ts'
import type { Questions } from './questions.ts'
import { byStep } from './stages.ts'
import { olderWarning } from './older-inventory.ts'
import { untrackedWarning } from './untracked.ts'
import { planWarnings } from './warnings.ts'

/** The plan, and what must be asked of the cluster before it is sure. With no open question it is final. */
export function plan(facts: PlanFacts): { readonly plan: Plan; readonly questions: Questions } {
  const compare: Questions['compare'][number][] = []
  const applies = facts.desired.objects.map((desired) => {
    const { change, ask } = planObject(desired, facts)
    if (ask !== undefined) compare.push(ask)
    return change
  })
  const duplicates = facts.desired.duplicates.map(duplicate)
  const wanted = new Set(facts.desired.objects.map(({ key }) => key))
  const place = placeFor(applies, wanted, facts)
  const { prunes, look, held } = guardedPrunes(wanted, facts)
  const changes = [...(place.change ? [place.change] : []), ...duplicates, ...applies].sort(byStep)
  const lookNamespace = place.ask ? [{ object: namespaceObject(facts.namespace), version: 'v1' }] : []
  return {
    plan: {
      changes: [...deferrals(changes), ...prunes],
      held,
      warnings: [
        ...restoredWarning(facts),
        ...olderWarning(facts.inventory, facts.observation, facts.applySet),
        ...untrackedWarning({ ...facts, wanted }),
        ...facts.desired.warnings,
        ...planWarnings(facts),
      ],
    },
    questions: { compare, look: [...lookNamespace, ...look] },
  }
}

function restoredWarning({ restored }: PlanFacts): string[] {
  if (restored === undefined) return []
  const { count, tracked } = restored
  return [
    `${count} of ${tracked} objects came back under new uids: the cluster was restored, or they were moved here. They are ours again, and nothing is pruned this time.`,
  ]
}

function placeFor(
  applies: readonly PlannedChange[],
  wanted: ReadonlySet<ObjectKey>,
  facts: PlanFacts,
): { change?: PlannedChange; ask: boolean } {
  const creates = applies.some(
    ({ object, operation }) => operation.verb === 'apply' && operation.expect === 'absent' && object.namespace === facts.namespace,
  )
  const runs = facts.hooks.planned.some((hook) => isAround(hook) && hook.desired.object.namespace === facts.namespace)
  // Who may look at namespaces only may not look whether they exist.
  if (!(creates || runs) || facts.observation.namespaces !== undefined || wanted.has(objectKey(namespaceObject(facts.namespace))))
    return { ask: false }
  return planNamespace({ name: facts.namespace, create: facts.createNamespace, found: facts.answers.found, catalog: facts.catalog })
}

function guardedPrunes(
  wanted: ReadonlySet<ObjectKey>,
  facts: PlanFacts,
): { prunes: PlannedChange[]; look: Questions['look']; held: Plan['held'] } {
  if (facts.inventory === undefined) return { prunes: [], look: [], held: undefined }
  const { inventory, observation, applySet } = facts
  const { changes, look, asking } = planPrunes({
    inventory,
    wanted,
    observation,
    found: facts.answers.found,
    now: facts.now,
    applySet,
    former: facts.former,
    enabled: facts.prune,
    restored: facts.restored !== undefined,
  })
  const deletes = changes.filter(({ operation }) => operation.verb === 'delete')
  const guard = guardPrunes({
    prunes: deletes.length,
    tracked: inventory.entries.size,
    desired: facts.departing === true ? undefined : wanted.size,
    missingPath: facts.missingPath,
    budget: facts.pruneBudget,
  })
  const waiting = new Set(guard === undefined ? asking : deletes)
  const reason = guard ?? `${waiting.size} of the objects to prune ${waiting.size === 1 ? 'asks' : 'ask'} to be confirmed, by annotation`
  const digest = pruneDigest([...waiting])
  const isHeld = waiting.size > 0 && facts.confirmed !== digest
  return {
    prunes: changes.map((change) => (isHeld && waiting.has(change) ? hold(change, reason) : change)).sort((a, b) => byStep(b, a)),
    look: look.map(({ object, version }) => ({ object, version })),
    held: isHeld ? { reason: facts.confirmed === undefined ? reason : `${OTHER_PLAN}: ${reason}`, fix: CONFIRM, digest } : undefined,
  }
}

const OTHER_PLAN = 'what was confirmed is not what would be pruned now'
const CONFIRM = 'Confirm exactly this plan (POST …/sync?confirm=PLAN), or bring the objects back in Git.'

function hold(change: PlannedChange, reason: string): PlannedChange {
  return { ...change, action: 'held', reason, operation: { verb: 'none' } }
}

/** Does a plan write anything? */
export function isEmpty({ changes }: Pick<Plan, 'changes'>): boolean {
  return changes.every(({ operation }) => operation.verb === 'none')
}

/** Changes that make an all-or-nothing sync refuse: failed for good before anything was written. */
export function refusals({ changes }: Plan): readonly PlannedChange[] {
  return changes.filter((change) => change.action === 'failed' && change.retryable !== true)
}
