import type { Deferral, Plan, PlannedChange } from '../model/plan.ts'
import type { Decision } from './decide.ts'
import { resourceFor } from './resources.ts'
import type { Destination, Refused } from './ports.ts'
import { refusedChange } from './refusal.ts'

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
export async function preflight(decision: Decision, destination: Destination, signal: AbortSignal): Promise<Preflight> {
  const moved: PlannedChange[] = []
  const refused: PlannedChange[] = []
  const bringsRoles = decision.plan.changes.some(
    ({ object, operation }) => operation.verb === 'apply' && object.group === 'rbac.authorization.k8s.io',
  )
  const changes = await Promise.all(
    decision.plan.changes.map(async (change) => {
      const { operation } = change
      const resource = resourceFor(change, decision)
      if (operation.verb !== 'apply' || change.deferred === 'definition' || resource === undefined) return change
      const answer = await destination.dryRun(operation, resource, { signal, awaitsNamespace: change.deferred === 'namespace' })
      if (answer.ok) return change
      if (answer.class === 'conflict') {
        moved.push(change)
        return change
      }
      const reason = deferral(change, answer, bringsRoles)
      if (reason !== undefined || mayHeal(change, answer)) return { ...change, deferred: reason ?? ('take-over' as const) }
      const refusal = refusedChange(change, answer)
      refused.push(refusal)
      return refusal
    }),
  )
  return { plan: { ...decision.plan, changes }, refused, moved }
}

function deferral({ deferred }: PlannedChange, answer: Refused, bringsRoles: boolean): Deferral | undefined {
  // The manifest itself is checked before its namespace is looked for: a typo is found although the namespace comes with the same plan.
  if (deferred === 'namespace' && (answer.class === 'namespace-missing' || answer.class === 'not-found')) return 'namespace'
  if (answer.class === 'webhook-failed' || answer.class === 'dry-run-unsupported') return 'admission'
  if (answer.class === 'forbidden' && bringsRoles) return 'role'
  return undefined
}

/** A drifted object may refuse our fields only because of fields that somebody added: the apply takes those over first. */
export function mayHeal(change: PlannedChange, answer: Refused): boolean {
  const { operation } = change
  return operation.verb === 'apply' && operation.expect !== 'absent' && !operation.takeOver && answer.class === 'invalid'
}
