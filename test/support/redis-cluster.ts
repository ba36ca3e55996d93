import { Cluster, Redis } from 'ioredis'
import { until } from '../queue/until.ts'
import { startRedisServer, type RedisServer } from './redis-server.ts'

/** A Redis Cluster of one's own: three masters that share the slots evenly, and what a test may do to it. */
export interface RedisCluster {
  readonly url: string
  /** A client of the test's own, for looking. */
  readonly client: Cluster
  readonly nodes: readonly RedisServer[]
  /** The master that has this key now. */
  ownerOf(key: string): Promise<RedisServer>
  /** Moves the slot of this key, with all that is in it, to another master, a few keys at a time; `between` runs while it is half moved. */
  reshard(key: string, between?: () => Promise<void>): Promise<void>
  /** Resolves when every node that runs finds the cluster whole (`ok`), with all replicas in step. */
  whole(): Promise<void>
  stop(): Promise<void>
}

const SLOTS = 16_384
const MASTERS = 3
/** Milliseconds after which the nodes find one that does not answer dead. */
const NODE_TIMEOUT_MS = 1_500

interface Node extends RedisServer {
  readonly id: string
  ask(name: string, ...rest: (string | number)[]): Promise<unknown>
}

/** Starts it on free ports of the loopback address; with `replicas`, every master has one. `args` go to every node. */
export async function startRedisCluster(options: { replicas?: boolean; args?: readonly string[] } = {}): Promise<RedisCluster> {
  await using stack = new AsyncDisposableStack()
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(NODE_TIMEOUT_MS), '--cluster-require-full-coverage', 'no']
  // However long it was cut off before: in a test, a replica is better than none.
  args.push('--cluster-replica-validity-factor', '0', ...(options.args ?? []))
  const servers = await Promise.all(
    Array.from({ length: options.replicas ? 2 * MASTERS : MASTERS }, async () => {
      const server = await startRedisServer({ appendOnly: true, args })
      stack.defer(() => server.stop())
      return server
    }),
  )
  const nodes = await Promise.all(
    servers.map(async (server): Promise<Node> => {
      const client = new Redis(server.port, '127.0.0.1', { retryStrategy: () => 50, maxRetriesPerRequest: 0, commandTimeout: 10_000 })
      client.on('error', () => undefined)
      stack.defer(() => client.disconnect())
      await until(() => client.status === 'ready')
      return { ...server, id: String(await client.call('CLUSTER', 'MYID')), ask: async (name, ...rest) => client.call(name, ...rest) }
    }),
  )
  const [first, ...others] = nodes
  if (first === undefined) throw new TypeError('a cluster without nodes')
  for (const [index, node] of nodes.entries()) await node.ask('CLUSTER', 'SET-CONFIG-EPOCH', index + 1)
  for (const node of others) await first.ask('CLUSTER', 'MEET', '127.0.0.1', node.port)
  const masters = nodes.slice(0, MASTERS)
  for (const [index, master] of masters.entries()) {
    const from = Math.ceil((SLOTS * index) / MASTERS)
    await master.ask('CLUSTER', 'ADDSLOTSRANGE', from, Math.ceil((SLOTS * (index + 1)) / MASTERS) - 1)
  }
  await until(async () => {
    const known = await Promise.all(nodes.map(async (node) => String(await node.ask('CLUSTER', 'NODES')).match(/ connected/g)?.length))
    return known.every((count) => count === nodes.length)
  })
  for (const [index, replica] of nodes.slice(MASTERS).entries()) await replica.ask('CLUSTER', 'REPLICATE', String(masters[index]?.id))

  const whole = (): Promise<void> =>
    until(async () => {
      const roles = await Promise.all(nodes.map(roleInWhole))
      // A master that comes back takes itself for one still, until it hears of its successor.
      return !roles.includes(undefined) && roles.filter((role) => role === 'master').length === MASTERS
    })
  await whole()
  const client = new Cluster(
    nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
    {
      maxRedirections: Infinity,

      clusterRetryStrategy: () => 100,
      redisOptions: { maxRetriesPerRequest: null },
    },
  )
  client.on('error', () => undefined)
  // Nothing else tells it that a frozen master has been replaced.
  const looking = setInterval(() => client.refreshSlotsCache(), 1_000).unref()
  stack.defer(() => (clearInterval(looking), client.disconnect()))
  const owner = async (key: string): Promise<Node> => {
    const { slot, table } = await lookUp(nodes, key)
    const port = table.find(({ from, to }) => from <= slot && slot <= to)?.port
    const found = nodes.find((node) => node.port === port)
    if (found === undefined) throw new Error(`nobody has slot ${slot}`)
    return found
  }
  const held = stack.move()
  return {
    url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    client,
    nodes,
    ownerOf: owner,
    async reshard(key, between = async () => undefined) {
      const { slot, table } = await lookUp(nodes, key)
      const source = await owner(key)
      const target = nodes.find(({ port }) => port !== source.port && table.some((range) => range.port === port))
      if (target === undefined) throw new Error('there is no other master')
      await target.ask('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source.id)
      await source.ask('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target.id)
      for (let moved = 0; ; moved += 1) {
        const keys = await source.ask('CLUSTER', 'GETKEYSINSLOT', slot, 1)
        if (!Array.isArray(keys) || keys.length === 0) break
        await source.ask('MIGRATE', '127.0.0.1', target.port, '', 0, 5_000, 'REPLACE', 'KEYS', ...keys.map(String))
        if (moved === 2) await between()
      }
      for (const node of [target, source]) await node.ask('CLUSTER', 'SETSLOT', slot, 'NODE', target.id)
      // The others hear of it by and by; replicas may not be told.
      for (const node of nodes) await node.ask('CLUSTER', 'SETSLOT', slot, 'NODE', target.id).catch(() => undefined)
      await until(async () => (await owner(key)).id === target.id)
    },
    whole,
    stop: () => held.disposeAsync(),
  }
}

/** What a node is, if it finds the cluster whole and is in step. */
async function roleInWhole(node: Node): Promise<'master' | 'replica' | undefined> {
  const [cluster, replication] = await Promise.all([node.ask('CLUSTER', 'INFO'), node.ask('INFO', 'replication')]).catch(() => ['', ''])
  if (!String(cluster).includes('cluster_state:ok') || !String(cluster).includes('cluster_slots_ok:16384')) return undefined
  if (/^role:master/m.test(String(replication))) return 'master'
  return /^master_link_status:up/m.test(String(replication)) ? 'replica' : undefined
}

interface Range {
  readonly from: number
  readonly to: number
  readonly port: number
}

/** The slot of a key, and who has which slots, as the first node that answers has it. */
async function lookUp(nodes: readonly Node[], key: string): Promise<{ readonly slot: number; readonly table: readonly Range[] }> {
  const [slot, rows] = await Promise.any(
    nodes.map(async (node) => Promise.all([node.ask('CLUSTER', 'KEYSLOT', key), node.ask('CLUSTER', 'SLOTS')])),
  )
  const table = (Array.isArray(rows) ? rows : []).map((row: readonly [number, number, readonly [string, number, string]]) => ({
    from: row[0],
    to: row[1],
    port: row[2][1],
  }))
  return { slot: Number(slot), table }
}
