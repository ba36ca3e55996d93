import type { IgnoreRule } from './configuration.ts'
import type { HookPhase } from './hook.ts'
import type { Json } from './json.ts'
import type { Manifest, ObjectId, Origin } from './object.ts'

/** In the order in which one wants to know: `1 failed, 2 configured, 38 unchanged`. */
export const CHANGE_ACTIONS = [
  'failed',
  'held',
  'created',
  'configured',
  'recreated',
  'adopted',
  'pruned',
  'released',
  'skipped',
  'unchanged',
] as const

/** What happens (in a plan) or happened (in a result) to one object. */
export type ChangeAction = (typeof CHANGE_ACTIONS)[number]

/** One field that no longer carries what was applied, and who took it where the API server recorded that. */
export interface FieldDrift {
  /** As users write it: `spec.replicas`, `spec.template.spec.containers[name=api].image`. */
  readonly field: string
  readonly manager: string | undefined
  /** ISO 8601. */
  readonly at: string | undefined
}

/** One field that a write sets, alters or removes, as it may be shown: `***` stands for secrets, and long values are cut. */
export interface FieldChange {
  /** As users write it: `spec.replicas`, `spec.template.spec.containers[name=api].image`. */
  readonly field: string
  readonly op: 'add' | 'change' | 'remove'
  readonly before?: Json
  readonly after?: Json
  /** In place of both, for text of many lines: what differs, as a unified diff has it, each line with ` `, `+` or `-` in front. */
  readonly lines?: readonly string[]
}

/** One entry of a plan and, once run, of its result: always with a reason. */
export interface Change {
  readonly object: ObjectId
  readonly action: ChangeAction
  readonly reason: string
  /** What to do about it, where somebody must. */
  readonly fix?: string
  readonly origin?: Origin
  /** Present where the live object had drifted from what was applied; empty where no field can be named. */
  readonly drift?: readonly FieldDrift[]
  /** What the write changes on the live object, field by field, where that was asked of the API server. */
  readonly diff?: readonly FieldChange[]
  /** Further fields that `diff` leaves out. */
  readonly moreFields?: number
  /** Objects of one stage are written together; a stage starts when the one before has settled. */
  readonly stage?: number
  /** Failed, but the same commit may succeed later. */
  readonly retryable?: boolean
  /** The object is a hook, and this is its run in one phase. */
  readonly hook?: HookPhase
  /** Where it is not 0: smaller waves are applied, and healthy, before. */
  readonly wave?: number
}

/** The write that a change needs. Every write is conditional: what was observed must still be so. */
export type Operation =
  | { readonly verb: 'none' }
  | {
      readonly verb: 'apply'
      readonly manifest: Manifest
      /** 'absent' creates only if absent; otherwise exactly this object in exactly this state. */
      readonly expect: 'absent' | { readonly uid: string; readonly resourceVersion: string }
      /** Rewrite the entries of human managers as ours first, because a forced apply cannot undo what it does not own. */
      readonly takeOver: boolean
      /** What of it is left to others, also by a take-over. */
      readonly ignore?: readonly IgnoreRule[]
      /** Delete exactly this object first: a field that Git changes cannot be changed on a live one. Only with `expect: 'absent'`. */
      readonly replaces?: DeleteOperation
    }
  | DeleteOperation

export interface DeleteOperation {
  readonly verb: 'delete'
  readonly version: string
  readonly uid: string
  readonly resourceVersion: string
  /** Gone only when everything that it controls is gone: what takes its place must not meet its Pods. */
  readonly waitForDependents?: boolean
}

/** What a change waits for: its CRD or namespace in the same plan, an admission webhook, a role, or a take-over of fields. */
export type Deferral = 'definition' | 'namespace' | 'admission' | 'role' | 'take-over'

export interface PlannedChange extends Change {
  readonly operation: Operation
  /** sha256 of what is sent, for the inventory; absent for what the inventory does not track. */
  readonly sent?: string
  /** Unchanged, but its generation or resourceVersion moved: the inventory remembers the new numbers. */
  readonly moved?: boolean
  /** Why a preflight cannot check it (completely) before the first write: what it needs is part of the same plan, or cannot be asked yet. */
  readonly deferred?: Deferral
  /** Not in Git any more, and on its way out of the cluster already: exactly this object, since then (ISO 8601). */
  readonly leaving?: { readonly uid: string; readonly version: string; readonly since: string }
  /** Announced by a sync that was interrupted, and not there: what that sync sent may still arrive. */
  readonly missed?: boolean
  /** Skipped, because something that it needs has failed. */
  readonly blocked?: boolean
  readonly stage: number
}

/** Everything a sync would do, as data, before the first write. */
export interface Plan {
  readonly changes: readonly PlannedChange[]
  /** Set when a guard stops the prunes until a person confirms exactly them, by `digest`. */
  readonly held: { readonly reason: string; readonly fix: string; readonly digest: string } | undefined
  readonly warnings: readonly string[]
}
