import type { PlannedChange } from '../model/plan.ts'
import { sha256 } from '../model/digest.ts'
import { objectKey } from '../model/object.ts'

/** A prune of more objects than this, and of more than this share, waits for a person (promise 14). */
export const PRUNE_BUDGET = { objects: 5, share: 0.3 } as const

/** Why prunes must wait for a confirmation, if they must. */
export function guardPrunes(facts: {
  readonly prunes: number
  readonly tracked: number
  readonly desired: number
  readonly missingPath: string | undefined
}): { readonly reason: string; readonly fix: string } | undefined {
  if (facts.prunes === 0) return undefined
  const fix = 'Confirm exactly this plan (POST …/sync?confirm=PLAN), or bring the objects back in Git.'
  const count = `${facts.prunes} of ${facts.tracked} objects`
  if (facts.missingPath !== undefined)
    return { reason: `the path "${facts.missingPath}" does not exist in this commit: ${count} would be pruned`, fix }
  if (facts.desired === 0) return { reason: `the render is empty: all ${facts.prunes} objects would be pruned`, fix }
  const budget = Math.max(PRUNE_BUDGET.objects, PRUNE_BUDGET.share * facts.tracked)
  if (facts.prunes > budget) return { reason: `${count} would be pruned, more than the budget of ${Math.floor(budget)}`, fix }
  return undefined
}

/** Names what would be pruned, so that a confirmation is for exactly these objects (the rest of a plan may move on meanwhile). */
export function pruneDigest(prunes: readonly PlannedChange[]): string {
  const lines = prunes.map(({ object, operation }) => `${objectKey(object)} ${operation.verb === 'delete' ? operation.uid : ''}`)
  return sha256(lines.sort().join('\n')).slice(0, 16)
}
