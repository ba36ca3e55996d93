import { setTimeout as delay } from 'node:timers/promises'
import type { RequestLimit } from '../model/configuration.ts'

/** Spreads the requests to one cluster over time. Whose turn it is has been decided before: who comes first goes first. */
export interface Bucket {
  /** Resolves when the next request may leave. Rejects with the signal's reason. `urgent` leaves at once, and the others wait for it. */
  take(signal: AbortSignal, urgent: boolean): Promise<void>
}

/** A token bucket; without a limit nobody waits. */
export function createBucket(limit: RequestLimit | undefined): Bucket {
  if (limit === undefined) return { take: () => Promise.resolve() }
  let fullAt = 0
  return {
    async take(signal, urgent) {
      signal.throwIfAborted()
      const taken = takeToken(limit, fullAt, performance.now())
      fullAt = taken.fullAt
      if (urgent || taken.waitMs <= 0) return
      await delay(taken.waitMs, undefined, { signal }).catch(() => signal.throwIfAborted())
    },
  }
}

/** Pure. `fullAt`: when the bucket would be full again if nobody came; each request moves it on by the time of one token. */
export function takeToken({ perSecond, burst }: RequestLimit, fullAt: number, now: number): { fullAt: number; waitMs: number } {
  const tokenMs = 1000 / perSecond
  const next = Math.max(fullAt, now) + tokenMs
  return { fullAt: next, waitMs: Math.max(0, next - now - burst * tokenMs) }
}
