import type { Departure } from './departure.ts'

export type SyncReason = 'push' | 'poll' | 'drift' | 'manual' | 'dependency' | 'retry'

/** What a delivery or a curl call gets and may wait for: done when the application's `done` has reached `wanted`. */
export interface Ticket {
  readonly application: string
  readonly cluster: string
  readonly wanted: number
}

/** Why a sync was asked for. The revision is a hint for people and ledgers; the worker resolves the ref itself. */
export interface Trigger {
  readonly reason: SyncReason
  /** Milliseconds since 1970. */
  readonly at: number
  readonly delivery?: { readonly provider: string; readonly id: string }
  readonly actor?: string
  readonly revision?: string
  /** Objects whose turn came in this span are to be dry-run whatever their metadata says. */
  readonly audit?: AuditSpan
}

/** A stretch of the rolling audit, in milliseconds since 1970: each object has its turn once per interval. */
export interface AuditSpan {
  readonly from: number
  readonly to: number
  readonly intervalMs: number
}

/** One run of the pipeline, as the queue hands it to the sync. */
export interface SyncJob {
  readonly application: string
  /** The strongest reason among the triggers it serves. */
  readonly reason: SyncReason
  /** `want` read before the fetch starts: every ticket up to it is answered by this run. */
  readonly seen: number
  readonly triggers: readonly Trigger[]
  /** Digest of the held plan that a person has confirmed, if any. */
  readonly confirmedPlan?: string
  /** The application is to leave the cluster instead of being synced. */
  readonly departure?: Departure
  /** The run before has failed, whatever it was for: this one looks at the cluster also where its commit changes nothing. */
  readonly afterFailure?: boolean
}
