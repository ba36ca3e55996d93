import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Redis } from 'ioredis'
import { clusterKeys } from '../../src/model/keys.ts'
import { createIntake } from '../../src/queue/accept.ts'
import { connectRedis } from '../../src/queue/connection.ts'
import { startWorker } from '../../src/queue/worker.ts'
import { configurationOf, delivery, resultOf, silent, targetOf, trigger } from '../queue/setup.ts'
import { until } from '../queue/until.ts'
import { randomFreePort } from '../support/free-port.ts'
import { spawnOwned } from '../support/owned-process.ts'
import { startRedisServer } from '../support/redis-server.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const PASSWORD = 'a-password-of-both'

test('after a failover that Sentinels decide, intake and workers go on with the new master, and a sweep makes up for the time between', async () => {
  await using stack = new AsyncDisposableStack()
  const credentials = ['--requirepass', PASSWORD, '--masterauth', PASSWORD]
  const master = await startRedisServer({ args: credentials })
  stack.defer(() => master.stop())
  const replica = await startRedisServer({ args: [...credentials, '--replicaof', '127.0.0.1', String(master.port)] })
  stack.defer(() => replica.stop())
  const sentinel = await startSentinel(master.port)
  stack.defer(() => sentinel.stop())
  const watcher = new Redis(replica.port, '127.0.0.1', { password: PASSWORD })
  stack.defer(() => watcher.disconnect())
  await until(async () => (await watcher.info('replication')).includes('master_link_status:up'))
  await until(async () => sentinel.knowsReplica())

  const url = `redis+sentinel://:${PASSWORD}@127.0.0.1:1,127.0.0.1:${sentinel.port}/gitwake`
  const connections = connectRedis({ url, log: silent })
  stack.defer(() => connections.close())
  await connections.ready(AbortSignal.timeout(20_000))
  const configuration = configurationOf(['api'])
  const intake = createIntake({ redis: connections.producer, queues: connections.queues, configuration: () => configuration, log: silent })
  stack.defer(() => intake.close())
  let polls = 0
  const seen: number[] = []
  const worker = startWorker({
    cluster: 'prod',
    connections,
    configuration: () => configuration,
    log: silent,
    ensureIntervalMs: 500,
    run: async (job) => (seen.push(job.seen), resultOf(job)),
    poll: async () => void (polls += 1),
    sweep: async () => undefined,
    plan: () => Promise.resolve(),
  })
  stack.defer(() => worker.close())

  const done = async (): Promise<string | null> => watcher.hget(clusterKeys('prod').application('api'), 'done')
  const before = await intake.acceptDelivery(delivery('before'), [targetOf('api')], trigger())
  await until(async () => (await done()) === String(before.tickets[0]?.wanted))
  await until(() => polls > 0)
  const pollsBefore = polls
  await master.kill()
  await assert.rejects(intake.acceptDelivery(delivery('during'), [targetOf('api')], trigger()), {
    code: 'redis-unavailable',
    retryable: true,
  })
  const accept = async () => intake.acceptDelivery(delivery('during'), [targetOf('api')], trigger()).catch(() => undefined)
  let after: Awaited<ReturnType<typeof accept>>
  await until(async () => (after = await accept()) !== undefined)
  assert.equal(after?.duplicate, false)
  await until(async () => (await done()) === String(after?.tickets[0]?.wanted))
  assert.ok((seen.at(-1) ?? 0) > (before.tickets[0]?.wanted ?? 0), 'no ticket is given twice')
  await until(() => polls > pollsBefore)
})

/** One Sentinel, whose word is enough. */
async function startSentinel(masterPort: number) {
  const folder = await createTempFolder('gitwake-sentinel-')
  const port = await randomFreePort()
  const file = join(folder.path, 'sentinel.conf')
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder.path}`,
    `sentinel monitor gitwake 127.0.0.1 ${masterPort} 1`,
    `sentinel auth-pass gitwake ${PASSWORD}`,
    'sentinel down-after-milliseconds gitwake 1000',
    'sentinel failover-timeout gitwake 5000',
  ]
  await writeFile(file, lines.join('\n'))
  const child = spawnOwned('redis-server', [file, '--sentinel'], { stdio: 'ignore' })
  const client = new Redis(port, '127.0.0.1', { retryStrategy: () => 100, maxRetriesPerRequest: null })
  client.on('error', () => undefined)
  return {
    port,
    async knowsReplica() {
      const replicas = await client.call('SENTINEL', 'REPLICAS', 'gitwake')
      return Array.isArray(replicas) && replicas.length > 0
    },
    async stop() {
      client.disconnect()
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
      await folder.remove()
    },
  }
}
