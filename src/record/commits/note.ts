import { answerOf } from '../../model/answer.ts'
import type { CommitObject } from '../../model/commit.ts'
import type { SyncOutcome, SyncResult } from '../../model/result.ts'
import { isRecord, parse } from '../decode.ts'

/** What one result says about the commit that it rendered: a result, cut down to what is asked of a commit. */
export interface CommitNote {
  /** When the sync ended; ms since 1970. */
  readonly at: number
  readonly seen: number
  readonly outcome: SyncOutcome
  readonly message: string
  /** The same commit may succeed soon. */
  readonly retryable: boolean
  readonly objects: readonly CommitObject[]
  readonly moreObjects?: number
}

const MOST_OBJECTS = 200

export function noteOf(result: SyncResult): CommitNote {
  const { finishedAt: at, seen, outcome, message, changes, counts } = result
  const changed = Object.entries(counts).reduce((sum, [action, count]) => (action === 'unchanged' ? sum : sum + (count ?? 0)), 0)
  const objects = changes.slice(0, MOST_OBJECTS).map(({ object, action, reason, fix }) => ({ object, action, reason, ...(fix && { fix }) }))
  const more = Math.max(changed, changes.length) - objects.length
  return { at, seen, outcome, message, retryable: answerOf(result) === 'retryable', objects, ...(more > 0 && { moreObjects: more }) }
}

/** Whether the cluster carries the commit once this is its outcome. */
export function settles(outcome: SyncOutcome): boolean {
  return outcome === 'synced' || outcome === 'not affected'
}

/** Commits that were announced as heads and that this result's sync passed over: the worker renders the head of its time alone. */
export function passedOver({ triggers, revision }: SyncResult): readonly string[] {
  // What a person names may not be there yet.
  const announced = triggers.filter(({ reason }) => reason === 'push' || reason === 'poll')
  const named = announced.flatMap(({ revision: hint }) => (hint === undefined || hint === revision ? [] : [hint]))
  return [...new Set(named)].filter(isRevision)
}

export function isRevision(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text)
}

export function decodeNote(text: string): CommitNote | undefined {
  const value = parse(text)
  const isNote = isRecord(value) && typeof value['at'] === 'number' && Array.isArray(value['objects'])
  return isNote ? (value as unknown as CommitNote) : undefined
}
