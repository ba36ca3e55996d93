import type { IncomingMessage } from 'node:http'
import { sourceOfAddress } from '../model/ip-address.ts'
import type { SharedFailures } from '../model/shared-failures.ts'

/** Where a request comes from. */
export type AddressOf = (request: IncomingMessage) => string

/** Slows down who guesses: so many failures at once per address, then one more in so many milliseconds. */
export interface FailureLimit {
  /** Milliseconds until this address may try again; 0 when it may now. */
  blockedForMs(address: string): number | Promise<number>
  failed(address: string): void
}

interface Bucket {
  readonly failures: number
  readonly at: number
}

/** `burst` failures are free; each is forgiven after `refillMs`. Remembers at most `addresses` of them. `shared` counts in other processes, too. */
export function createFailureLimit(options: {
  burst: number
  refillMs: number
  addresses: number
  now: () => number
  shared?: SharedFailures | undefined
}): FailureLimit {
  const buckets = new Map<string, Bucket>()

  const failuresOf = (address: string): number => {
    const bucket = buckets.get(sourceOfAddress(address))
    return bucket ? Math.max(0, bucket.failures - (options.now() - bucket.at) / options.refillMs) : 0
  }

  return {
    blockedForMs(address) {
      const own = Math.max(0, Math.ceil((failuresOf(address) - options.burst + 1) * options.refillMs))
      return own > 0 || options.shared === undefined ? own : options.shared.blockedForMs(sourceOfAddress(address))
    },
    failed(address) {
      const failures = failuresOf(address) + 1
      const key = sourceOfAddress(address)
      options.shared?.failed(key)
      // Re-inserting keeps the map in order of the last failure, so the oldest is the first to be forgotten.
      buckets.delete(key)
      buckets.set(key, { failures, at: options.now() })
      const oldest = buckets.keys().next()
      if (buckets.size > options.addresses && !oldest.done) buckets.delete(oldest.value)
    },
  }
}
