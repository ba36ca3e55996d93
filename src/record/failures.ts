import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import { receiverKeys } from '../model/keys.ts'
import type { Redis } from '../model/redis.ts'
import type { SharedFailures } from '../model/shared-failures.ts'

interface Known {
  readonly isProven: boolean
  readonly blockedUntil: number
  readonly lookAgainAt: number
}

const PROVEN_SECONDS = 86_400
/** One look a minute and source, however many deliveries it sends. */
const LOOK_AGAIN_MS = 60_000
/** While Redis is away, this process counts by itself: who waits for a look should not wait long. */
const LOOK_MS = 1_000
const LOOK_AGAIN_AFTER_FAILURE_MS = 5_000
const MOST_SOURCES = 10_000

/**
 * `limit.requests` failures in `limit.perMs`; then the source is refused until that time is over. Only failures and the first sight of a source cost
 * a way to Redis, and nobody waits for the former: where Redis is away, the limits that each process has of its own hold.
 */
export function createSharedFailures(options: {
  readonly redis: Redis
  readonly name: string
  readonly limit: { readonly requests: number; readonly perMs: number }
  readonly now: () => number
}): SharedFailures {
  const { redis, name, limit, now } = options
  const limiter = new RateLimiterRedis({
    storeClient: storeClient(redis),
    keyPrefix: receiverKeys.failures(name),
    points: limit.requests,
    duration: Math.max(1, Math.round(limit.perMs / 1000)),
    // Whoever is beyond is refused without asking Redis again.
    inMemoryBlockOnConsumed: limit.requests,
    rejectIfRedisNotReady: true,
  })
  const provenKey = (source: string): string => `${receiverKeys.failures(name)}:proven:${source}`
  const known = new Map<string, Known>()
  const looking = new Map<string, Promise<number>>()

  /** What the last look said, where that is not too long ago. */
  const lately = (source: string): Known | undefined => {
    const found = known.get(source)
    return found !== undefined && found.lookAgainAt > now() ? found : undefined
  }

  const keep = (source: string, what: Known): void => {
    const oldest = known.keys().next()
    if (known.size >= MOST_SOURCES && !oldest.done) known.delete(oldest.value)
    known.delete(source)
    known.set(source, what)
  }

  const remember = (source: string, forMs: number, againMs: number, isProven = known.get(source)?.isProven ?? false): number => {
    const blockedForMs = isProven ? 0 : Math.max(0, forMs)
    keep(source, { isProven, blockedUntil: now() + blockedForMs, lookAgainAt: now() + againMs })
    return blockedForMs
  }

  /** Says nothing of whether it has proven itself elsewhere, which is looked up when it was to be. */
  const block = (source: string, forMs: number): void => {
    const { isProven, lookAgainAt } = known.get(source) ?? { isProven: false, lookAgainAt: 0 }
    if (!isProven) keep(source, { isProven, blockedUntil: now() + forMs, lookAgainAt })
  }

  const look = async (source: string): Promise<number> => {
    const [counted, isProven] = await Promise.all([limiter.get(source), redis.exists(provenKey(source))])
    const isBeyond = counted !== null && counted.consumedPoints >= limit.requests
    return remember(source, isBeyond ? counted.msBeforeNext : 0, LOOK_AGAIN_MS, isProven === 1)
  }

  const lookOnce = (source: string): Promise<number> => {
    const running = looking.get(source)
    if (running !== undefined) return running
    const mine = inTime(look(source), LOOK_MS)
      .catch(() => remember(source, (known.get(source)?.blockedUntil ?? 0) - now(), LOOK_AGAIN_AFTER_FAILURE_MS))
      .finally(() => looking.delete(source))
    looking.set(source, mine)
    return mine
  }

  return {
    blockedForMs(source) {
      const found = lately(source)
      return found === undefined ? lookOnce(source) : Math.max(0, found.blockedUntil - now())
    },
    isProven: (source) => lately(source)?.isProven ?? lookOnce(source).then(() => known.get(source)?.isProven ?? false),
    failed(source) {
      limiter.consume(source).then(
        ({ remainingPoints, msBeforeNext }) => {
          if (remainingPoints === 0) block(source, msBeforeNext)
        },
        // What is no answer is a Redis that is away.
        (refused: unknown) => refused instanceof RateLimiterRes && block(source, refused.msBeforeNext),
      )
    },
    proven(source) {
      remember(source, 0, LOOK_AGAIN_MS, true)
      redis.set(provenKey(source), '1', 'EX', PROVEN_SECONDS).catch(() => undefined)
    },
  }
}

/**
 * What the library needs of a client. Its script goes along with each call: one that is defined on a connection in use misses the pipeline that is being
 * filled, and ends the process (https://github.com/redis/ioredis/issues/1931).
 */
function storeClient(redis: Redis) {
  let script = ''
  return {
    get status() {
      return redis.status
    },
    defineCommand: (_name: string, { lua }: { readonly lua: string }) => void (script = lua),
    rlflxIncr: async (args: readonly string[]) => redis.eval(script, 1, ...args),
    multi: () => redis.multi(),
  }
}

async function inTime<Value>(promise: Promise<Value>, timeoutMs: number): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('Redis did not answer in time')), timeoutMs)
    promise.finally(() => clearTimeout(timer)).then(resolve, reject)
  })
}
