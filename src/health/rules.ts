import type { HealthExpressions } from '../model/configuration.ts'
import type { Health } from '../model/health.ts'
import { groupKindKey, groupOf, type GroupKind, type LiveObject } from '../model/object.ts'
import { hasHealth } from './has-health.ts'
import { healthOf } from './health.ts'

/** How objects of one cluster are judged. */
export interface HealthRules {
  /** `now` in milliseconds since 1970. Unknown only where an expression of the configuration fails. */
  readonly of: (object: LiveObject, now: number) => Health
  /** Whether objects of a kind can be anything but current while they exist. */
  readonly has: (kind: GroupKind) => boolean
}

export const BUILT_IN_RULES: HealthRules = { of: healthOf, has: hasHealth }

/** The rules of a cluster: its own expressions, and what is built in for every other kind. */
export async function createHealthRules(configured: readonly HealthExpressions[] = []): Promise<HealthRules> {
  if (configured.length === 0) return BUILT_IN_RULES
  // Ten megabytes that most installations never need.
  const { judgeByExpressions } = await import('./expressions.ts')
  const judges = new Map(configured.map((expressions) => [groupKindKey(expressions), judgeByExpressions(expressions)]))
  return {
    of(object, now) {
      const judge = judges.get(groupKindKey({ group: groupOf(object.apiVersion), kind: object.kind }))
      return judge === undefined ? healthOf(object, now) : judge(object)
    },
    has: (kind) => judges.has(groupKindKey(kind)) || hasHealth(kind),
  }
}
