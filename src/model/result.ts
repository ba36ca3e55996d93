import type { Problem } from './error.ts'
import type { HealthStatus, ObjectHealth } from './health.ts'
import type { SyncReason, Trigger } from './job.ts'
import type { Change, ChangeAction } from './plan.ts'
import type { Pinned, Suspended } from './standing.ts'

/** How a sync ended. */
export type SyncOutcome = 'synced' | 'failed' | 'held' | 'superseded' | 'not affected' | 'drifted' | 'suspended' | 'waiting'

/** An application that another one waits for, and why: `is being synced`. */
export interface Blocker {
  readonly application: string
  readonly why: string
  /** It had not heard of this commit, and was asked for it; without a ticket, nobody could ask. */
  readonly asked?: { readonly revision: string; readonly ticket?: number }
}

/** What a sync waits for before it writes. It begins again by itself, with the newest commit. */
export interface WaitsFor {
  readonly for: 'window' | 'dependencies'
  readonly why: string
  /** The applications that it waits for. */
  readonly blockedBy?: readonly Blocker[]
  /** Milliseconds since 1970; absent where that is not known. */
  readonly until?: number
}

/** The one value that CLI, API, UI, history and notifications show. Plain data, secrets masked. */
export interface SyncResult {
  readonly schema: 1
  readonly application: string
  readonly cluster: string
  readonly reason: SyncReason
  readonly triggers: readonly Trigger[]
  /** Every ticket up to this number is answered by this result. */
  readonly seen: number
  /** The full commit SHA that was rendered; undefined where the ref could not be resolved. */
  readonly revision: string | undefined
  /** The branch's head, where the application is pinned to another revision. */
  readonly head?: string
  /** Digest of the rendered objects: what was applied, not what was asked for. */
  readonly rendered: string | undefined
  readonly outcome: SyncOutcome
  /** One sentence. */
  readonly message: string
  readonly problem?: Problem
  readonly waiting?: WaitsFor
  /** Every change except `unchanged`, which are only counted. */
  readonly changes: readonly Change[]
  readonly counts: Readonly<Partial<Record<ChangeAction, number>>>
  readonly warnings: readonly string[]
  readonly health: { readonly status: HealthStatus; readonly objects: readonly ObjectHealth[] }
  /** Digest of the plan, for a confirmation of exactly this one. */
  readonly plan?: string
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly finishedAt: number
  /** Milliseconds per stage: fetch, render, observe, plan, preflight, apply, prune, health. */
  readonly timings: Readonly<Record<string, number>>
}

/** Where a sync stands in the line of its cluster. */
export interface QueuePlace {
  /** 1 is next. */
  readonly position: number
  /** How many stand in the line. */
  readonly of: number
  /** Milliseconds since 1970, to about ten seconds; absent where nobody has looked yet. */
  readonly since?: number
}

/** Why the newest ticket of an application is not answered yet. */
export interface Queued {
  /** `turn`: others are before it; `retry`: it has failed and is tried again; `quarantine`: workers crashed or hung over it. */
  readonly for: 'turn' | 'retry' | 'quarantine'
  /** One sentence. */
  readonly why: string
  readonly place?: QueuePlace
  /** When it is tried again; milliseconds since 1970. */
  readonly until?: number
}

/** The newest poll of a repository has failed, and all before it since then: whoever pushes there is heard by webhooks alone. */
export interface PollFails {
  /** Milliseconds since 1970. */
  readonly since: number
  readonly problem: Problem
}

/** What the status page shows of one application. Every worker and every sweep publishes it anew. */
export interface ApplicationStatus {
  readonly application: string
  readonly cluster: string
  readonly namespace: string
  readonly repository: string
  readonly ref: string
  readonly path: string
  /** Newest head seen of the ref, and when. */
  readonly head?: { readonly revision: string; readonly seenAt: number }
  /** The revision that the cluster carries, and since when. */
  readonly applied?: { readonly revision: string; readonly at: number }
  readonly sync: 'synced' | 'out of sync' | 'syncing' | 'queued' | 'failed' | 'held' | 'suspended' | 'waiting' | 'unknown'
  readonly health: HealthStatus
  /** What is not well, and why, as of the last look at the cluster; the last result may have had no reason to look. */
  readonly unhealthy?: readonly ObjectHealth[]
  /** Present while nothing is applied, healed or pruned. */
  readonly suspended?: Suspended
  /** Present while it stays where it was rolled back to. */
  readonly pinned?: Pinned
  /** Present while the newest ticket waits for something else than a worker. */
  readonly waiting?: WaitsFor
  /** Present while polls of its repository fail. */
  readonly pollFails?: PollFails
  /** Where it stands in the queue, while something is wanted that does not run yet. */
  readonly queue?: Queued
  /** Objects that drifted and were not repaired (selfHeal: false), as of the last sweep. */
  readonly drift: readonly Change[]
  readonly lastResult?: SyncResult
  /** Tickets given and answered. */
  readonly wanted: number
  readonly done: number
  /** When the oldest commit that is not applied yet was first seen; ms since 1970. */
  readonly unappliedSince?: number
}
