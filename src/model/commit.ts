import type { HealthStatus } from './health.ts'
import type { Change } from './plan.ts'
import type { SyncOutcome } from './result.ts'

/**
 * What has become of a commit in one application.
 * - `queued`: announced, and no sync of it has begun; `syncing`: one runs; `waiting`: it failed, and is tried again soon, or
 *   waits for a sync window;
 * - `synced`: the cluster carries it; `not affected`: so it does, because nothing that the application reads has changed;
 * - `superseded`: another commit took its place, whether it was ever applied or not;
 * - `failed`, `held`, `drifted`, `suspended`: as in its result;
 * - `unknown`: nobody has heard of it here (the application may follow another branch).
 */
export type CommitState = 'queued' | 'syncing' | 'unknown' | SyncOutcome

/** One object that a sync of the commit changed, or could not. */
export type CommitObject = Pick<Change, 'object' | 'action' | 'reason' | 'fix'>

/** A commit as one application sees it. */
export interface CommitPlace {
  readonly application: string
  readonly cluster: string
  readonly namespace: string
  readonly ref: string
  readonly state: CommitState
  /** One sentence. */
  readonly message: string
  /** When it came into this state; ms since 1970. */
  readonly since?: number
  /** The commit that took its place. */
  readonly supersededBy?: string
  /** Health of the application, where this is the commit that the cluster carries. */
  readonly health?: HealthStatus
  /** The ticket that waits for it. */
  readonly ticket?: number
  /** What the first sync that applied it changed or, before there was one, what the newest said. */
  readonly objects: readonly CommitObject[]
  /** Further objects that are not told. */
  readonly moreObjects?: number
}

/** What has become of a commit everywhere. */
export interface CommitReport {
  readonly revision: string
  /** The repositories whose applications have seen it. */
  readonly repositories: readonly string[]
  /** Every application of these repositories, in the order of the configuration. */
  readonly applications: readonly CommitPlace[]
}
