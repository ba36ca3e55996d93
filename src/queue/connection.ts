import { GitwakeError } from '../model/error.ts'
import { receiverKeys } from '../model/keys.ts'
import type { Log } from '../model/log.ts'
import { parseRedisUrl } from '../model/redis-url.ts'
import type { Redis } from '../model/redis.ts'
import { openClient, type ClientOptions } from './client.ts'
import { clockOf } from './clock.ts'

/** The Redis connections of one process, shared by all queues. */
export interface Connections {
  /** For whoever has a caller waiting: fails within seconds while Redis is away. */
  readonly producer: Redis
  /** For BullMQ's own commands: fails within seconds, too, and pipelines nothing by itself. */
  readonly queues: Redis
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

const COMPLAIN_EVERY_MS = 10_000
/** Less may be an answer that was slow. */
const CLOCK_OFF_SECONDS = 30

/** Connects to what `parseRedisUrl` takes; with TLS one of `ca` must vouch for the server, or one that the system knows. Never throws: a Redis that is away is reported, and tried again for ever. */
export function connectRedis({ url, ca, log }: { url: string; ca?: Buffer | undefined; log: Log }): Connections {
  const address = parseRedisUrl(url)
  if (address === undefined) throw new TypeError('REDIS_URL was not checked')
  const opened = new Set<Redis>()
  let isClosed = false
  const own = (redis: Redis): void => {
    opened.add(redis)
    redis.on('end', () => opened.delete(redis))
    // BullMQ ends a connection on which it waits in vain, and begins it anew: perhaps when all are closed, and nobody would end it any more.
    redis.on('connecting', () => (isClosed ? redis.disconnect() : opened.add(redis)))
  }
  const open = (role: string, patience: ClientOptions['patience']): Redis => {
    const redis = openClient({ address, ca, role, patience }, own)
    listen(redis, role, log)
    own(redis)
    return redis
  }
  const producer = open('producer', 'fails fast, in pipelines')
  const queues = open('queues', 'fails fast')
  const worker = open('worker', 'waits')
  producer.on('ready', () => {
    void warnOfEviction(producer, log)
    void warnOfClock(producer, log)
  })
  return {
    producer,
    queues,
    worker,
    blocking: () => open('blocking', 'waits'),
    ping: async () => {
      // A question about a key, for of a Redis Cluster that node must answer which has the receiver's own records.
      await reachable(producer.exists(receiverKeys.cursors))
    },
    ready: async (signal) => {
      for (const redis of [producer, queues, worker]) await becomeReady(redis, signal)
    },
    close: async () => {
      isClosed = true
      // `disconnect` and not `quit`: a frozen Redis must not delay the end of the process.
      for (const redis of opened) redis.disconnect()
    },
  }
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

/** What Redis says while it starts, or while nobody is master: it will answer, but not yet. */
const NOT_YET = /^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN)\b/

/** Whether a command failed because Redis is away: an answer that refuses it is another thing, and so is a mistake of ours. */
export function isAway(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) return false
  return error.name !== 'ReplyError' || NOT_YET.test(error.message)
}

export function redisUnavailable(cause: unknown): GitwakeError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new GitwakeError('redis-unavailable', `Redis cannot be used: ${why}`, {
    fix: 'Check that Redis runs, that REDIS_URL names it, and that it is neither full nor read-only; then try again.',
    retryable: true,
    cause,
  })
}

/** Resolves when the connection is usable; rejects with the signal's reason. */
export async function becomeReady(redis: Redis, signal: AbortSignal): Promise<void> {
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
function listen(redis: Redis, role: string, log: Log): void {
  let complainedAt = -COMPLAIN_EVERY_MS
  // BullMQ raises the limit for each of its own listeners, so it must not be 0 (no limit) to begin with.
  redis.setMaxListeners(1_000)
  const complain = (what: string, more: object): void => {
    const now = performance.now()
    if (now - complainedAt < COMPLAIN_EVERY_MS) return
    complainedAt = now
    log.warn({ connection: `gitwake-${role}`, ...more }, what)
  }
  redis.on('error', (error: Error) => complain('Redis is away', { problem: error.message }))
  // Of a Redis Cluster, of which the others may go on.
  redis.on('node error', (error: Error, node: string) => complain('a node of Redis is away', { node, problem: error.message }))
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
  const servers = 'nodes' in redis ? redis.nodes('master') : [redis]
  const infos = await Promise.all(servers.map(async (server) => server.info('memory').catch(() => '')))
  const policies = infos.map((info) => /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? 'noeviction')
  const policy = policies.find((one) => one !== 'noeviction')
  if (policy === undefined) return
  log.warn({ policy }, `Redis may evict gitwake's records (maxmemory-policy ${policy}): set maxmemory-policy noeviction`)
}
