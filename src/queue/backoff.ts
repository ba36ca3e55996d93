import { answerOf } from '../model/answer.ts'
import type { RetryPolicy } from '../model/configuration.ts'
import type { SyncResult } from '../model/result.ts'

/** Milliseconds until the first retry, and the most between two. */
interface Curve {
  readonly firstMs: number
  readonly mostMs: number
}

export interface Backoff {
  /** The Git host is away, the API server answers 500: soon. */
  readonly retryable: Curve
  /** The commit is at fault, but a missing secret or role may come without a commit: rarely. */
  readonly refused: Curve
}

export const BACKOFF: Backoff = {
  retryable: { firstMs: 2_000, mostMs: 300_000 },
  refused: { firstMs: 60_000, mostMs: 600_000 },
}

/** Workers that crashed three times over one application leave it alone this long, unless something new is pushed. */
export const QUARANTINE_MS = 600_000

/**
 * How long to wait before the next try, after `attempts` failures before this one.
 * @param spread 0 to 1; 20 % of jitter, so that many failures of one cause do not come back together.
 */
export function delayAfter(result: SyncResult, attempts: number, spread: number, backoff: Backoff = BACKOFF): number {
  const { firstMs, mostMs } = answerOf(result) === 'refused' ? backoff.refused : backoff.retryable
  const delayMs = Math.min(firstMs * 2 ** Math.min(attempts, 30), mostMs)
  return Math.round(delayMs * (0.9 + 0.2 * spread))
}

/** The pauses of one application: what its configuration says of them counts for failures that may pass by themselves. */
export function backoffOf({ retryable, refused }: Backoff, { initialMs, maxMs }: RetryPolicy = {}): Backoff {
  const firstMs = Math.min(initialMs ?? retryable.firstMs, maxMs ?? Infinity)
  return { retryable: { firstMs, mostMs: Math.max(maxMs ?? retryable.mostMs, firstMs) }, refused }
}

/** The last of the tries that are allowed: whoever waits for it has the answer, and it is not tried again. */
export function givenUp(result: SyncResult, attempts: number): SyncResult {
  const tries = `${attempts + 1} ${attempts === 0 ? 'try' : 'tries'}`
  const message = `${result.message}; given up after ${tries} (spec.sync.retry.limit)`
  return { ...result, message, ...(result.problem && { problem: { ...result.problem, retryable: false } }) }
}
