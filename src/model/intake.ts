import type { Departure, Orphan } from './departure.ts'
import type { CommitReport } from './commit.ts'
import type { Ticket, Trigger } from './job.ts'
import type { Delivery, PullRequest } from './push.ts'
import type { ApplicationStatus, SyncResult } from './result.ts'
import type { Standing } from './standing.ts'

/** An application as intake needs it: which queue, and which repository for fairness. */
export interface Target {
  readonly application: string
  readonly cluster: string
  readonly repository: string
}

/** A request that its sender may repeat: the key that names it, and what it asks for, as text. */
export interface Repeatable {
  readonly key: string
  readonly request: string
}

/** What becomes of a delivery at the door. */
export interface Accepted {
  /** The same delivery (id and body) was accepted before: these are its tickets. */
  readonly duplicate: boolean
  readonly tickets: readonly Ticket[]
  /** Applications that a push touches nothing of: their tickets are answered already. */
  readonly notAffected?: readonly string[]
}

/**
 * The durable door of the queue. A promise that resolves means that it is written down in Redis; one that rejects with
 * code `redis-unavailable` means that nothing was promised and the sender should try again.
 */
export interface Intake {
  /** Remembers the delivery, then asks for one sync of each target. */
  acceptDelivery(delivery: Delivery, targets: readonly Target[], trigger: Trigger): Promise<Accepted>
  /** Asks for one sync. */
  acceptTrigger(target: Target, trigger: Trigger): Promise<Ticket>
  /**
   * The same for a request that its sender may repeat under a key: for 24 h each repetition gets the first one's ticket, and undefined
   * who uses the key for another request.
   */
  acceptOnce(target: Target, trigger: Trigger, repeatable: Repeatable): Promise<Ticket | undefined>
  /** Asks for one sync of each target, in one go per cluster: none of them starts before all have their tickets. */
  acceptTriggers(targets: readonly Target[], trigger: Trigger): Promise<readonly Ticket[]>
  /** Lets the next sync of this application carry out the held plan with this digest; `actor` is who says so. */
  confirmPlan(target: Target, digest: string, actor: string): Promise<void>
  /** Lets the next run of this application take it out of the cluster, where it may: the worker judges that. */
  depart(target: Target, departure: Departure, actor: string): Promise<void>
  /** Writes down what holds of this application until further notice; its next sync keeps it in the cluster. */
  say(target: Target, standing: Standing): Promise<void>
}

/** What became of a delivery, per application. */
export interface DeliveryRecord {
  readonly provider: string
  readonly id: string
  readonly receivedAt: number
  readonly event: string
  readonly ref?: string
  readonly after?: string
  /** What a registry has told of. */
  readonly images?: readonly string[]
  readonly pullRequest?: Omit<PullRequest, 'kind' | 'repositoryUrls' | 'actor' | 'revision'> & { readonly revision?: string }
  readonly actor?: string
  readonly outcomes: readonly {
    readonly application: string
    readonly ticket: number
    readonly state: 'pending' | SyncResult['outcome'] | 'unknown application'
    readonly revision?: string
    readonly message?: string
    readonly finishedAt?: number
  }[]
  /** Why nothing was asked for, where nothing was. */
  readonly ignored?: string
}

/** A delivery as it is written down at the door; its outcomes are found by its tickets. */
export interface StoredDelivery extends Omit<DeliveryRecord, 'outcomes'> {
  readonly targets: readonly { readonly application: string; readonly cluster: string }[]
}

/** The queries of API, CLI and UI. Everything it returns is plain data. */
export interface Ledger {
  statuses(): Promise<readonly ApplicationStatus[]>
  /** Inventories whose applications the configuration does not have there, as the last sweeps found them. */
  orphans(): Promise<readonly Orphan[]>
  status(application: string): Promise<ApplicationStatus | undefined>
  /** Newest first. */
  history(application: string, limit: number): Promise<readonly SyncResult[]>
  delivery(id: string): Promise<DeliveryRecord | undefined>
  /** The full names of the known commits that begin with these digits; ten at most. */
  commits(digits: string): Promise<readonly string[]>
  /** What has become of a commit in every application of its repository; of one that nobody has heard of, an empty list. */
  commit(revision: string): Promise<CommitReport>
  /** Resolves with the first final result that answers the ticket, or undefined when `signal` ends the wait. */
  waitFor(ticket: Ticket, signal: AbortSignal): Promise<SyncResult | undefined>
  /** The same, but with a result of this revision or of a head that the branch had after it; or with one that says that there will be none. */
  waitForRevision(ticket: Ticket, revision: string, signal: AbortSignal): Promise<SyncResult | undefined>
}
