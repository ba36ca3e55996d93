import type { IgnoreRule, PruneBudget } from '../model/configuration.ts'
import type { Fight } from '../model/fight.ts'
import type { Inventory } from '../model/inventory.ts'
import type { KindCatalog } from '../model/kinds.ts'
import type { ObjectKey } from '../model/object.ts'
import type { Observation } from '../model/observation.ts'
import type { Desired } from './desired.ts'
import type { HookPlan } from './hooks.ts'
import type { Answers } from './questions.ts'

/** Everything a plan is made of. No clock, no network, no randomness: equal facts give equal plans. */
export interface PlanFacts {
  readonly desired: Desired
  readonly hooks: HookPlan
  readonly inventory: Inventory | undefined
  readonly observation: Observation
  readonly catalog: KindCatalog
  readonly answers: Answers
  /** Milliseconds since 1970, by the API server's clock. */
  readonly now: number
  readonly applySet: string
  /** What the application was called before, and its ApplySet then: what that one owns is taken over in this sync. */
  readonly former?: FormerName
  readonly applicationOf: (applySet: string) => string | undefined
  readonly namespace: string
  readonly createNamespace: boolean
  readonly prune: boolean
  readonly pruneBudget: PruneBudget | undefined
  /** The cluster was restored: what is tracked has just been recognised, and none of it is pruned this time. */
  readonly restored: Restored | undefined
  readonly undeclared: 'report' | 'remove'
  readonly ignore: readonly IgnoreRule[]
  /** The application leaves: that nothing is wanted any more is no mistake. */
  readonly departing?: boolean
  /** The application's path, where this commit does not have it. */
  readonly missingPath: string | undefined
  /** Digest of the held prunes that a person has confirmed. */
  readonly confirmed: string | undefined
  /** Objects that a dry-run confirms although their metadata says unchanged: their turn of the rolling audit has come. */
  readonly audited: ReadonlySet<ObjectKey>
  /** Fields that somebody else takes back as often as we do, at this revision. */
  readonly fights: readonly Fight[]
}

export interface FormerName {
  readonly name: string
  readonly applySet: string
}

/** So many of the tracked objects came back under new uids. */
export interface Restored {
  readonly count: number
  readonly tracked: number
}
