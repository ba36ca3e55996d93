import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis as Single } from 'ioredis'
import type { Redis } from '../../src/model/redis.ts'
import { startRedisCluster, type RedisCluster } from '../support/redis-cluster.ts'
import { until } from './until.ts'

/** A Redis of the test's own, empty, with AOF everysec as in production; ends with the test process at the latest. */
export interface TestRedis {
  readonly url: string
  readonly client: Redis
  /** Asks its only server, or every master of a Redis Cluster. */
  each<Value>(ask: (server: Single) => Promise<Value>): Promise<readonly Value[]>
  freeze(): void
  thaw(): void
  kill(): Promise<void>
  restart(): Promise<void>
  close(): Promise<void>
}

/** One server; a Redis Cluster of three where GITWAKE_TEST_REDIS says so. */
export async function startTestRedis(): Promise<TestRedis> {
  return process.env['GITWAKE_TEST_REDIS'] === 'cluster' ? ofCluster(await startRedisCluster()) : startTestServer()
}

/** All nodes of a Redis Cluster as if they were one. */
export function ofCluster({ url, client, nodes, whole, stop }: RedisCluster): TestRedis {
  return {
    url,
    client,
    each: async (ask) => Promise.all(client.nodes('master').map(ask)),
    freeze: () => nodes.forEach((node) => node.pause()),
    thaw: () => nodes.forEach((node) => node.resume()),
    kill: async () => void (await Promise.all(nodes.map(async (node) => node.kill()))),
    restart: async () => {
      await Promise.all(nodes.map(async (node) => node.restart()))
      await whole()
    },
    close: stop,
  }
}

export async function startTestServer(): Promise<TestRedis> {
  const directory = await mkdtemp(join(tmpdir(), 'gitwake-redis-'))
  const port = await freePort()
  const launch = () =>
    spawn(
      'redis-server',
      ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec'],
      { stdio: 'ignore' },
    )
  let child = launch()
  const end = (): void => void child.kill('SIGKILL')
  process.once('exit', end)
  const client = new Single(port, '127.0.0.1', {
    maxRetriesPerRequest: null,
    retryStrategy: () => 50,
  })
  client.on('error', () => undefined)
  const up = async (): Promise<void> => until(async () => (await client.ping().catch(() => '')) === 'PONG')
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    await exited
  }
  await up()
  return {
    url: `redis://127.0.0.1:${port}`,
    client,
    each: async (ask) => [await ask(client)],
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    kill,
    restart: async () => {
      await kill()
      child = launch()
      await up()
    },
    close: async () => {
      client.disconnect()
      await kill()
      process.off('exit', end)
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
