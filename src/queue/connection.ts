import { Redis, type RedisOptions } from 'ioredis'
import type { Log } from '../model/log.ts'
import { GitwakeError } from '../model/error.ts'
import { parseRedisUrl } from '../model/redis-url.ts'
import { clockOf } from './clock.ts'
import { ACCEPT, RECORD } from './scripts/accept.ts'
import { CLAIM } from './scripts/claim.ts'
import { ENSURE } from './scripts/ensure.ts'
import { BEGIN, FINISH } from './scripts/run.ts'
import { definitions } from './scripts/script.ts'

/** The Redis connections of one process, shared by all queues. */
export interface Connections {
  /** For whoever has a caller waiting: fails within seconds while Redis is away. */
  readonly producer: Redis
  /** For workers: waits until Redis is back. */
  readonly worker: Redis
  /** A connection of its own for blocking reads; closed with the others. */
  blocking(): Redis
  /** Resolves when Redis answers. Throws GitwakeError `redis-unavailable`. */
  ping(): Promise<void>
  /** Resolves when the connections are usable; rejects with the signal's reason. */
  ready(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

const COMMAND_TIMEOUT_MS = 2_500
const COMPLAIN_EVERY_MS = 10_000
/** Less may be an answer that was slow. */
const CLOCK_OFF_SECONDS = 30
const scripts = definitions([ACCEPT, RECORD, BEGIN, FINISH, ENSURE, CLAIM])
const reconnectDelay = (times: number): number => Math.min(50 * 2 ** Math.min(times, 6), 1_000)

/** Connects to what `parseRedisUrl` takes; with TLS one of `ca` must vouch for the server, or one that the system knows. Never throws: a Redis that is away is reported, and tried again for ever. */
export function connectRedis({ url, ca, log }: { url: string; ca?: Buffer | undefined; log: Log }): Connections {
  const opened = new Set<Redis>()
  const own = (redis: Redis): Redis => {
    opened.add(redis)
    redis.once('end', () => opened.delete(redis))
    return redis
  }
  const open = (role: string, options: Omit<RedisOptions, 'replyMapping'>): Redis => {
    const common = {
      connectionName: `gitwake-${role}`,
      connectTimeout: 5_000,
      retryStrategy: reconnectDelay,
      scripts,
    }
    const redis: Redis = new Redis({ ...common, ...addressOptions(url, ca), ...options })
    listen(redis, log)
    return own(redis)
  }
  const producer = open('producer', {
    enableAutoPipelining: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    commandTimeout: COMMAND_TIMEOUT_MS,
  })
  const worker = open('worker', { maxRetriesPerRequest: null })
  // BullMQ makes the connection on which a worker waits for jobs in this way; it must end with the others, also where Redis is away.
  const duplicate = worker.duplicate.bind(worker)
  worker.duplicate = (override) => own(duplicate(override))
  producer.on('ready', () => {
    void warnOfEviction(producer, log)
    void warnOfClock(producer, log)
  })
  return {
    producer,
    worker,
    blocking: () => open('blocking', { maxRetriesPerRequest: null }),
    ping: async () => {
      await reachable(producer.ping())
    },
    ready: async (signal) => {
      for (const redis of [producer, worker]) await becomeReady(redis, signal)
    },
    close: async () => {
      // `disconnect` and not `quit`: a frozen Redis must not delay the end of the process.
      for (const redis of opened) redis.disconnect()
    },
  }
}

/** Sentinels are asked without a password, and with TLS where Redis is spoken to with TLS. */
function addressOptions(url: string, ca: Buffer | undefined): Omit<RedisOptions, 'replyMapping'> {
  const address = parseRedisUrl(url)
  if (address === undefined) throw new TypeError('REDIS_URL was not checked')
  const { tls, hosts, master, username, password, database: db } = address
  const credentials = { ...(username !== '' && { username }), ...(password !== '' && { password }) }
  const secured = tls ? (ca === undefined ? {} : { ca }) : undefined
  if (master === undefined) return { ...hosts[0], ...credentials, db, ...(secured && { tls: secured }) }
  const options = { sentinels: [...hosts], name: master, sentinelRetryStrategy: reconnectDelay, ...credentials, db }
  return secured ? { ...options, tls: secured, sentinelTLS: secured, enableTLSForSentinelMode: true } : options
}

/** Gives every failure of a Redis command the name under which users and HTTP know it. */
export async function reachable<Value>(command: Promise<Value>): Promise<Value> {
  try {
    return await command
  } catch (error) {
    if (error instanceof GitwakeError) throw error
    throw redisUnavailable(error)
  }
}

export function redisUnavailable(cause: unknown): GitwakeError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new GitwakeError('redis-unavailable', `Redis cannot be used: ${why}`, {
    fix: 'Check that Redis runs, that REDIS_URL names it, and that it is neither full nor read-only; then try again.',
    retryable: true,
    cause,
  })
}

async function becomeReady(redis: Redis, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  if (redis.status === 'ready') return
  await new Promise<void>((resolve, reject) => {
    const settle = (): void => {
      redis.off('ready', settle)
      signal.removeEventListener('abort', settle)
      if (signal.aborted) reject(signal.reason)
      else resolve()
    }
    redis.on('ready', settle)
    signal.addEventListener('abort', settle)
  })
}

/** ioredis throws what nobody listens to; while Redis is away, each attempt would be a line of log. */
function listen(redis: Redis, log: Log): void {
  let complainedAt = -COMPLAIN_EVERY_MS
  // BullMQ raises the limit for each of its own listeners, so it must not be 0 (no limit) to begin with.
  redis.setMaxListeners(1_000)
  redis.on('error', (error: Error) => {
    const now = performance.now()
    if (now - complainedAt < COMPLAIN_EVERY_MS) return
    complainedAt = now
    log.warn({ connection: redis.options.connectionName, problem: error.message }, 'Redis is away')
  })
}

/** Leases and what is due are judged by one clock for all; timestamps of webhooks, windows of syncs and what is shown are judged by this machine's. */
async function warnOfClock(redis: Redis, log: Log): Promise<void> {
  const theirs = await clockOf(redis).catch(() => undefined)
  if (theirs === undefined) return
  const aheadSeconds = Math.round((Date.now() - theirs) / 1000)
  if (Math.abs(aheadSeconds) < CLOCK_OFF_SECONDS) return
  const off = `${Math.abs(aheadSeconds)} s ${aheadSeconds > 0 ? 'ahead of' : 'behind'}`
  log.warn(
    { aheadSeconds },
    `this machine's clock is ${off} that of Redis: set them right (NTP), or signed webhooks may be refused and windows opened at the wrong time`,
  )
}

/** An evicting Redis forgets tickets and jobs without a word. CONFIG may be forbidden; INFO says the same. */
async function warnOfEviction(redis: Redis, log: Log): Promise<void> {
  const info = await redis.info('memory').catch(() => '')
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1]
  if (policy === undefined || policy === 'noeviction') return
  log.warn({ policy }, `Redis may evict gitwake's records (maxmemory-policy ${policy}): set maxmemory-policy noeviction`)
}
