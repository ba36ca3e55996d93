import { sha256 } from '../model/digest.ts'
import type { PruneBudget } from '../model/configuration.ts'
import { objectKey } from '../model/object.ts'
import type { PlannedChange } from '../model/plan.ts'

const DEFAULT_BUDGET: PruneBudget = { objects: 5, percent: 30 }

/** Why all prunes of a plan must wait for a confirmation, if they must (promise 14). */
export function guardPrunes(facts: {
  readonly prunes: number
  readonly tracked: number
  /** Undefined where nothing is to be wanted. */
  readonly desired: number | undefined
  readonly missingPath: string | undefined
  readonly budget: PruneBudget | undefined
}): string | undefined {
  const { prunes, tracked, budget = DEFAULT_BUDGET } = facts
  if (prunes === 0) return undefined
  const count = `${prunes} of ${tracked} objects`
  if (facts.missingPath !== undefined) return `the path "${facts.missingPath}" does not exist in this commit: ${count} would be pruned`
  if (facts.desired === 0) return `the render is empty: all ${prunes} objects would be pruned`
  if (budget === 'unlimited') return undefined
  const most = Math.max(budget.objects, Math.floor((budget.percent / 100) * tracked))
  return prunes > most ? `${count} would be pruned, more than the budget of ${most}` : undefined
}

/** Names what would be pruned, so that a confirmation is for exactly these objects (the rest of a plan may move on meanwhile). */
export function pruneDigest(prunes: readonly PlannedChange[]): string {
  const lines = prunes.map(({ object, operation }) => `${objectKey(object)} ${operation.verb === 'delete' ? operation.uid : ''}`)
  return sha256(lines.sort().join('\n')).slice(0, 16)
}
