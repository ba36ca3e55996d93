import type { SharedFailures } from '../model/shared-failures.ts'

/** So many unauthenticated requests per source: `{ requests: 600, perMs: 60_000 }`. */
export interface RateLimit {
  readonly requests: number
  readonly perMs: number
}

/** All methods answer how many milliseconds the source should wait; 0 is "go on". `now` in milliseconds. */
export interface RateLimiter {
  /** Before anything is read. */
  admit(source: string, now: number): number | Promise<number>
  /** The request was authentic. */
  authentic(source: string, now: number): number
  /** The request was not, whatever was wrong with it. */
  failed(source: string, now: number): number
}

/** A token bucket: refills steadily, holds at most `capacity`. */
interface Bucket {
  tokens: number
  at: number
}

interface Source {
  readonly failures: Bucket
  readonly deliveries: Bucket
  /** Somebody behind this address has the secret. */
  proven: boolean
}

const authenticFactor = 10
const globalFactor = 20
const mostSources = 10_000

/**
 * Unauthenticated requests are limited per source and all together; authentic ones per source at ten times the rate. A source
 * that has proven itself is still listened to when its failures run out: behind a proxy an attacker and GitHub share an address.
 * `shared` counts the failures of each source in other processes, too; the rest is this process's own.
 */
export function createRateLimiter(limit: RateLimit, shared?: SharedFailures): RateLimiter {
  const sources = new Map<string, Source>()
  const everybody: Bucket = { tokens: limit.requests * globalFactor, at: 0 }

  function sourceOf(name: string, now: number): Source {
    const known = sources.get(name)
    const source = known ?? {
      failures: { tokens: limit.requests, at: now },
      deliveries: { tokens: limit.requests * authenticFactor, at: now },
      proven: false,
    }
    if (known === undefined && sources.size >= mostSources) forgetOne(sources)
    // Deleted and set again, the map is in the order of use.
    if (known !== undefined) sources.delete(name)
    sources.set(name, source)
    return source
  }

  const refill = (bucket: Bucket, factor: number, now: number): void => {
    const capacity = limit.requests * factor
    bucket.tokens = Math.min(capacity, bucket.tokens + (Math.max(0, now - bucket.at) * capacity) / limit.perMs)
    bucket.at = Math.max(bucket.at, now)
  }
  /** Milliseconds until there is a token. */
  const missing = (bucket: Bucket, factor: number, now: number): number => {
    refill(bucket, factor, now)
    return bucket.tokens >= 1 ? 0 : Math.ceil(((1 - bucket.tokens) * limit.perMs) / (limit.requests * factor))
  }
  const take = (bucket: Bucket, factor: number, now: number): number => {
    const wait = missing(bucket, factor, now)
    if (wait === 0) bucket.tokens -= 1
    return wait
  }

  /** It may have shown the secret to another process, or to this one before it was started again. */
  const unlessProven = async (name: string, wait: number, { isProven }: SharedFailures): Promise<number> =>
    (await isProven(name)) ? 0 : wait

  return {
    admit(name, now) {
      const source = sourceOf(name, now)
      if (source.proven) return 0
      const own = Math.max(missing(source.failures, 1, now), missing(everybody, globalFactor, now))
      if (shared === undefined) return own
      return own > 0 ? unlessProven(name, own, shared) : shared.blockedForMs(name)
    },
    authentic(name, now) {
      const source = sourceOf(name, now)
      if (!source.proven) shared?.proven(name)
      source.proven = true
      return take(source.deliveries, authenticFactor, now)
    },
    failed(name, now) {
      shared?.failed(name)
      const own = take(sourceOf(name, now).failures, 1, now)
      return Math.max(own, take(everybody, globalFactor, now))
    },
  }
}

/** The source unused for longest, but one that has proven itself only where there is no other near. */
function forgetOne(sources: Map<string, Source>): void {
  let tried = 0
  for (const [name, source] of sources) {
    if (source.proven && tried++ < 100) continue
    sources.delete(name)
    return
  }
}
