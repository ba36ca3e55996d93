import type { CommitPlace, CommitState } from '../../model/commit.ts'
import type { ApplicationStatus } from '../../model/result.ts'
import { settles, type CommitNote } from './note.ts'

/** What is known of a commit in one application. */
export interface PlaceFacts {
  readonly revision: string
  readonly status: ApplicationStatus
  /** The newest result of this commit here. */
  readonly last?: CommitNote
  /** The first result after which the cluster carried it. */
  readonly first?: CommitNote
  readonly superseded?: { readonly at: number; readonly by: string }
  /** The newest ticket without an answer that announced this commit, and whether none announced another one since. */
  readonly announced?: { readonly ticket: number; readonly at: number; readonly isNewest: boolean }
}

type Told = Omit<CommitPlace, 'application' | 'cluster' | 'namespace' | 'ref' | 'objects' | 'moreObjects'>

const TROUBLED: readonly CommitState[] = ['waiting', 'failed', 'held', 'drifted', 'suspended']

/** Pure: what has become of a commit in one application. */
export function placeOf(facts: PlaceFacts): CommitPlace {
  const { application, cluster, namespace, ref } = facts.status
  const told = tell(facts)
  const { objects = [], moreObjects } = (TROUBLED.includes(told.state) ? facts.last : (facts.first ?? facts.last)) ?? {}
  return { application, cluster, namespace, ref, ...told, objects, ...(moreObjects !== undefined && { moreObjects }) }
}

function tell(facts: PlaceFacts): Told {
  const { status, last, superseded, announced } = facts
  // What was said of it before another took its place is history; what was said since is news (a branch that was set back).
  const own = last !== undefined && (superseded === undefined || superseded.at < last.at) ? last : undefined
  const isCarried = status.applied?.revision === facts.revision
  if (announced?.isNewest && status.sync === 'syncing' && !(isCarried && own !== undefined && settles(own.outcome)))
    return { state: 'syncing', message: 'a sync runs now', since: announced.at, ticket: announced.ticket }
  // A run that gave way while the commit was there already says nothing about it.
  if (own !== undefined && !settles(own.outcome) && !(isCarried && own.outcome === 'superseded')) return unsettled(own, facts)
  if (isCarried) return carried(facts, own)
  if (announced !== undefined && own === undefined && (superseded === undefined || superseded.at < announced.at))
    return { state: 'queued', message: 'it waits for a worker', since: announced.at, ticket: announced.ticket }
  return gone(facts)
}

function unsettled(own: CommitNote, { announced, superseded }: PlaceFacts): Told {
  const ticket = announced === undefined ? {} : { ticket: announced.ticket }
  const by = superseded === undefined ? {} : { supersededBy: superseded.by }
  const state: CommitState = own.outcome === 'failed' && own.retryable ? 'waiting' : own.outcome
  return { state, message: own.message, since: own.at, ...ticket, ...(state === 'superseded' && by) }
}

/** A sync that finds nothing to do, or repairs drift, is no new beginning: the commit is there since the first that settled. */
function carried({ status, first, superseded }: PlaceFacts, own: CommitNote | undefined): Told {
  const appliedAt = status.applied?.at
  const since = first !== undefined && (superseded === undefined || superseded.at < first.at) ? first.at : (own?.at ?? appliedAt)
  const message = first?.message ?? 'the cluster carries it, as its inventory says'
  return {
    state: first?.outcome === 'not affected' ? 'not affected' : 'synced',
    message,
    ...(since !== undefined && { since }),
    health: status.health,
  }
}

function gone({ revision, status, first, last, superseded }: PlaceFacts): Told {
  const by = superseded?.by ?? (first === undefined ? undefined : status.applied?.revision)
  if (by === undefined) {
    if (status.head?.revision === revision) return { state: 'unknown', message: 'seen as head, not synced yet', since: status.head.seenAt }
    return { state: 'unknown', message: `no sync has seen it: the application follows ${status.ref}` }
  }
  const before =
    first === undefined ? (last === undefined ? 'never applied' : `before: ${last.message}`) : `applied before: ${first.message}`
  const since = superseded === undefined ? {} : { since: superseded.at }
  return { state: 'superseded', message: `superseded by ${by.slice(0, 12)} (${before})`, supersededBy: by, ...since }
}
