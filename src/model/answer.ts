import type { Trigger } from './job.ts'
import type { SyncResult } from './result.ts'

/** What a result means for the tickets it has seen. */
export type Answer =
  /** Final, and nothing more to do until the next trigger. */
  | 'answered'
  /** Final for whoever waits: the commit (or what it needs) is at fault. Still tried again, rarely. */
  | 'refused'
  /** Not final: the same commit may succeed soon. */
  | 'retryable'
  /** Not final: a newer ticket takes over. */
  | 'superseded'
  /** Not final: the same ticket goes on when what it waits for has come. */
  | 'waiting'

export function answerOf(result: SyncResult): Answer {
  switch (result.outcome) {
    case 'synced':
    case 'not affected':
    case 'drifted':
    case 'suspended':
    case 'held':
      return 'answered'
    case 'superseded':
      return 'superseded'
    case 'waiting':
      return 'waiting'
    case 'failed':
      return mayRecover(result) ? 'retryable' : 'refused'
  }
}

/** Whether somebody who waits for a ticket has the answer in this result. */
export function isFinal(result: SyncResult): boolean {
  const answer = answerOf(result)
  return answer === 'answered' || answer === 'refused'
}

/**
 * Whether a result is also the answer to a request that came while its run went on. So it is where a push or a poll tells of the very commit that
 * the cluster carries now: a run of its own would find nothing to do. Of anything else that came later it says nothing.
 */
export function answersAlso({ outcome, revision, head }: SyncResult, { reason, audit, ...asked }: Trigger): boolean {
  if ((reason !== 'push' && reason !== 'poll') || audit !== undefined) return false
  return (outcome === 'synced' || outcome === 'not affected') && head === undefined && revision !== undefined && asked.revision === revision
}

function mayRecover(result: SyncResult): boolean {
  if (result.problem) return result.problem.retryable
  const failed = result.changes.filter((change) => change.action === 'failed')
  return failed.length > 0 && failed.every((change) => change.retryable === true)
}
