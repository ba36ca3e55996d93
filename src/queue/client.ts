import { Cluster, Redis as Single, type RedisOptions } from 'ioredis'
import type { RedisAddress } from '../model/redis-url.ts'
import type { Redis } from '../model/redis.ts'
import { ACCEPT, RECORD } from './scripts/accept.ts'
import { CLAIM } from './scripts/claim.ts'
import { ENSURE } from './scripts/ensure.ts'
import { BEGIN, FINISH } from './scripts/run.ts'
import { definitions } from './scripts/script.ts'

export interface ClientOptions {
  readonly address: RedisAddress
  /** Who may vouch for a server with TLS; those that the system knows where undefined. */
  readonly ca: Buffer | undefined
  /** How Redis lists the connection: `gitwake-<role>`. */
  readonly role: string
  /**
   * `fails fast`: for whoever has a caller waiting. `waits`: until Redis is back. `in pipelines`: what is asked for in one turn of the event loop goes
   * out together. Not for BullMQ, which defines dozens of scripts on its connection: ioredis copies each into every pipeline, and one that is
   * defined while a pipeline is filled would end the process (https://github.com/redis/ioredis/issues/1931).
   */
  readonly patience: 'fails fast' | 'fails fast, in pipelines' | 'waits'
}

/** `replyMapping` is a parameter of the client's type; all of ours have the same. */
type Options = Omit<RedisOptions, 'replyMapping'>

const COMMAND_TIMEOUT_MS = 2_500
/** How soon a Cluster's clients notice that a node which is frozen, not gone, has lost its slots to a replica. */
const REFRESH_SLOTS_MS = 5_000
const scripts = definitions([ACCEPT, RECORD, BEGIN, FINISH, ENSURE, CLAIM])
const reconnectDelay = (times: number): number => Math.min(50 * 2 ** Math.min(times, 6), 1_000)

/** Connects, and again for ever where that fails. `duplicated` is told of each connection that others make from this one. */
export function openClient(options: ClientOptions, duplicated: (client: Redis) => void): Redis {
  const { address } = options
  const told = <Client extends Redis>(client: Client): Client => (duplicated(client), client)
  // BullMQ makes the connection on which a worker waits for jobs in this way.
  if (address.kind === 'cluster') {
    const client: Cluster = keepLooking(openCluster(address, options))
    const duplicate = client.duplicate.bind(client)
    client.duplicate = (...changes) => told(keepLooking(duplicate(...changes)))
    return client
  }
  const client: Single = keepDatabase(openServer(address, options))
  const duplicate = client.duplicate.bind(client)
  client.duplicate = (...changes) => told(keepDatabase(duplicate(...changes)))
  return client
}

function openServer(address: Exclude<RedisAddress, { kind: 'cluster' }>, options: ClientOptions): Single {
  const common = { ...commonOptions(options), db: address.database, retryStrategy: reconnectDelay, scripts }
  const patience: Options =
    options.patience === 'waits'
      ? { maxRetriesPerRequest: null }
      : {
          ...failFast,
          enableAutoPipelining: options.patience === 'fails fast, in pipelines',
          enableOfflineQueue: false,
          autoResendUnfulfilledCommands: false,
        }
  if (address.kind === 'server') return new Single({ ...common, ...patience, ...address.hosts[0] })
  const sentinels = { sentinels: [...address.hosts], name: address.master, sentinelRetryStrategy: reconnectDelay }
  // Sentinels are asked without a password, and with TLS where Redis is spoken to with TLS.
  const tls = common.tls && { sentinelTLS: common.tls, enableTLSForSentinelMode: true }
  return new Single({ ...common, ...patience, ...sentinels, ...tls })
}

/** Where the database cannot be had, ioredis would tell the error and go on in database 0, which may be that of another install. */
function keepDatabase(client: Single): Single {
  client.on('error', (error: object) => {
    const refused: unknown = Reflect.get(error, 'command')
    if (typeof refused === 'object' && refused !== null && Reflect.get(refused, 'name') === 'select') client.disconnect(true)
  })
  return client
}

/**
 * Nothing is pipelined by itself: where a slot moves, one pipeline gets answers of both nodes, and ioredis then passes redirections on as
 * errors, while it follows those of single commands.
 */
function openCluster({ hosts }: RedisAddress, options: ClientOptions): Cluster {
  const waits = options.patience === 'waits'
  // How often a command is tried again while its node is away or its slot moves. Those that fail fast end within three seconds.
  const patience = waits
    ? { maxRedirections: Infinity, retryDelayOnFailover: 250, retryDelayOnClusterDown: 250 }
    : { enableOfflineQueue: false }
  return new Cluster([...hosts], {
    ...patience,
    clusterRetryStrategy: reconnectDelay,
    // Where it fails, the promise of `connect` never settles, and BullMQ waits for that. The first command asks as well.
    enableReadyCheck: false,
    // Names stay names: certificates are about them.
    dnsLookup: (address, found) => found(null, address),
    redisOptions: { ...commonOptions(options), ...(waits ? { maxRetriesPerRequest: null } : failFast) },
    scripts,
  })
}

/** Not by ioredis' `slotsRefreshInterval`: a look that is under way when the client ends begins the next one, for ever, and the process never exits. */
function keepLooking(client: Cluster): Cluster {
  let timer: NodeJS.Timeout | undefined
  client.on('ready', () => {
    clearInterval(timer)
    timer = setInterval(() => client.status === 'ready' && client.refreshSlotsCache(), REFRESH_SLOTS_MS).unref()
  })
  client.on('end', () => clearInterval(timer))
  return client
}

const failFast = { maxRetriesPerRequest: 0, commandTimeout: COMMAND_TIMEOUT_MS } as const

function commonOptions({ address: { username, password, tls }, ca, role }: ClientOptions): Options {
  return {
    connectionName: `gitwake-${role}`,
    connectTimeout: 5_000,
    ...(username !== '' && { username }),
    ...(password !== '' && { password }),
    ...(tls && { tls: ca === undefined ? {} : { ca } }),
  }
}
