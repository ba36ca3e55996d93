import type { Application, Repository, SyncWindow } from '../model/configuration.ts'
import type { Fight } from '../model/fight.ts'
import type { HealthStatus } from '../model/health.ts'
import type { SyncJob } from '../model/job.ts'
import type { SyncResult, WaitsFor } from '../model/result.ts'
import type { Standing } from '../model/standing.ts'
import type { Heads, HeadsSeen, Source } from './ports.ts'
import type { ProposePorts } from './propose.ts'
import type { Run } from './run.ts'

/** What a sync needs from outside. */
export interface SyncPorts extends ProposePorts {
  readonly source: Source
  readonly heads: Heads & HeadsSeen
  readonly now: () => number
}

/** What one run is about and what may end it. */
export interface SyncRequest {
  readonly job: SyncJob
  readonly application: Application
  readonly repository: Repository
  /** What was said of it until further notice, as far as Redis knows; the inventory may know more. */
  readonly said: Standing
  /** When it may write. */
  readonly windows: readonly SyncWindow[]
  /** Tells Redis what has become of it. */
  readonly say: (standing: Standing) => Promise<void>
  /** As last published; 'unknown' makes the sync look. */
  readonly lastHealth: HealthStatus
  /** Fields that are not healed any more, at the revision where that was decided. */
  readonly fights?: readonly Fight[]
  /** Applications that must be ready before: asked first before anything is fetched, then about the commit. */
  readonly dependencies?: {
    readonly early: () => Promise<WaitsFor | undefined>
    readonly late: (revision: string | undefined) => Promise<WaitsFor | undefined>
  }
  readonly signal: AbortSignal
  /** Has a newer commit made this run pointless? */
  readonly superseded: () => Promise<boolean>
  /** Told as soon as everything is written, before the wait for health. */
  readonly onApplied: (result: SyncResult) => Promise<void>
}

/** A sync under way: what every part of it needs. */
export interface Syncing {
  readonly request: SyncRequest
  readonly ports: SyncPorts
  readonly run: Run
}
