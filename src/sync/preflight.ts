import { createMask, secretValues } from '../model/mask.ts'
import { displayName, objectKey, type LiveObject, type ObjectKey } from '../model/object.ts'
import type { ObservedObject } from '../model/observation.ts'
import type { Deferral, Plan, PlannedChange } from '../model/plan.ts'
import { diffObjects } from '../plan/diff.ts'
import { ignoredApart } from '../plan/ignore.ts'
import { isTakenOver } from '../plan/people.ts'
import { withoutTaken } from '../plan/undeclared.ts'
import type { Decision } from './decide.ts'
import { recreation, tryToCreate } from './recreate.ts'
import { resourceFor } from './resources.ts'
import type { Compared, Destination, Refused } from './ports.ts'
import { refusedChange } from './refusal.ts'

export interface PreflightOptions {
  /** The changes of live objects that are compared field by field, each for one more request; the others are only checked. */
  readonly diffs: number
  /** The changes that are asked about at all; without it, every one. */
  readonly isAsked?: (change: PlannedChange) => boolean
  readonly signal: AbortSignal
}

/** What a dry-run of everything that would be written tells. */
export interface Preflight {
  /** The plan with every refusal in it. */
  readonly plan: Plan
  /** What the API server refused, as it stands in the plan. */
  readonly refused: readonly PlannedChange[]
  /** Objects that were not as observed: look at them and plan again. */
  readonly moved: readonly PlannedChange[]
}

/**
 * Dry-runs every apply of a plan, in parallel, so that all errors come in one report and before the first write.
 * What needs something of the same plan, or cannot be dry-run at all, is left for the apply (design.md: deferred, not errors).
 */
export async function preflight(decision: Decision, destination: Destination, options: PreflightOptions): Promise<Preflight> {
  const { signal } = options
  // A Secret's value may stand in a ConfigMap by mistake, or in what the API server says of either.
  const mask = createMask(decision.facts.desired.objects.flatMap(({ manifest }) => secretValues(manifest)))
  const moved: PlannedChange[] = []
  const refused: PlannedChange[] = []
  const warnings = new Set<string>()
  const wanted = new Set(decision.plan.changes.filter(altersLive).slice(0, options.diffs))
  const compared = new Map<ObjectKey, Compared>()
  const bringsRoles = decision.plan.changes.some(
    ({ object, operation }) => operation.verb === 'apply' && object.group === 'rbac.authorization.k8s.io',
  )
  const changes = await Promise.all(
    decision.plan.changes.map(async (change) => {
      const { operation } = change
      const resource = resourceFor(change, decision)
      if (operation.verb !== 'apply' || change.deferred === 'definition' || resource === undefined || options.isAsked?.(change) === false)
        return change
      const answer = await destination.dryRun(operation, resource, {
        awaitsNamespace: change.deferred === 'namespace',
        compare: wanted.has(change),
        signal,
      })
      if (answer.ok) {
        for (const warning of answer.warnings) warnings.add(mask(`${displayName(change.object)}: ${warning}`))
        if (answer.compared !== undefined) compared.set(objectKey(change.object), answer.compared)
        return change
      }
      if (answer.class === 'conflict') {
        moved.push(change)
        return change
      }
      const reason = deferral(change, answer, bringsRoles)
      if (reason !== undefined) return { ...change, deferred: reason }
      if (isInTheWay(change, answer, decision) && (await tryToCreate(operation.manifest, resource, destination, signal)) === undefined)
        return { ...change, deferred: 'take-over' as const }
      const anew = await recreation(change, { ...answer, message: mask(answer.message) }, decision, resource, destination, signal)
      if (anew !== undefined) {
        const shown = { ...anew, reason: mask(anew.reason) }
        if (shown.action === 'failed') refused.push(shown)
        return shown
      }
      const refusal = refusedChange(change, { ...answer, message: mask(answer.message) })
      refused.push(refusal)
      return refusal
    }),
  )
  // The live Secrets know values that Git has no longer: all of them are known before the first difference is shown.
  for (const { before } of compared.values()) for (const value of secretValues(before)) mask.add(value)
  const shown = changes.map((change) => {
    const pair = compared.get(objectKey(change.object))
    return pair === undefined ? change : { ...change, ...diffObjects(pair.before, afterWrite(change, pair.after, decision), mask) }
  })
  return { plan: { ...decision.plan, changes: shown, warnings: [...decision.plan.warnings, ...warnings] }, refused, moved }
}

function seenOf({ object }: PlannedChange, { facts }: Decision): ObservedObject | undefined {
  const found = facts.answers.found.get(objectKey(object))
  return facts.observation.objects.get(objectKey(object)) ?? (found === 'absent' ? undefined : found)
}

/**
 * Whether fields of others, which the write takes over first and the dry-run cannot, may be all that an object refuses. Then a new one
 * would be taken; an error in Git stays one.
 */
function isInTheWay(change: PlannedChange, answer: Refused, decision: Decision): boolean {
  const { operation, action } = change
  if (operation.verb !== 'apply' || operation.expect === 'absent' || answer.class !== 'invalid') return false
  const others = seenOf(change, decision)?.managedFields ?? []
  return others.some(({ manager, subresource }) => subresource === '' && isTakenOver(manager, action === 'adopted'))
}

/** The dry-run does not take over fields first, as the write will. */
function afterWrite(change: PlannedChange, after: LiveObject, decision: Decision): LiveObject {
  const { operation, action } = change
  const seen = seenOf(change, decision)
  if (operation.verb !== 'apply' || !operation.takeOver || seen === undefined) return after
  const apart = ignoredApart(seen, operation.manifest, operation.ignore ?? [])
  return withoutTaken(after, operation.manifest, apart, action === 'adopted')
}

function altersLive({ operation }: PlannedChange): boolean {
  return operation.verb === 'apply' && operation.expect !== 'absent'
}

function deferral({ deferred }: PlannedChange, answer: Refused, bringsRoles: boolean): Deferral | undefined {
  // The manifest itself is checked before its namespace is looked for: a typo is found although the namespace comes with the same plan.
  if (deferred === 'namespace' && (answer.class === 'namespace-missing' || answer.class === 'not-found')) return 'namespace'
  if (answer.class === 'webhook-failed' || answer.class === 'dry-run-unsupported') return 'admission'
  if (answer.class === 'forbidden' && bringsRoles) return 'role'
  return undefined
}
