import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connectRedis } from '../../src/queue/connection.ts'
import { startTestServer } from './redis.ts'
import { until } from './until.ts'

test('a database that Redis does not have is told and never taken for the first one; one that it has is used', async (t) => {
  const redis = await startTestServer()
  t.after(() => redis.close())
  const told: string[] = []
  const write = (fields: object, message: string): void => void told.push(`${message} ${JSON.stringify(fields)}`)
  const log = { debug: write, info: write, warn: write, error: write, child: () => log }
  const connect = (database: number) => {
    const connections = connectRedis({ url: `${redis.url}/${database}`, log })
    t.after(() => connections.close())
    return connections
  }
  const good = connect(3)
  await good.ready(AbortSignal.timeout(10_000))
  await good.producer.set('own', '1')
  assert.match(await redis.client.info('keyspace'), /db3:keys=1/)

  const wrong = connect(99)
  const { worker } = wrong
  const others = [worker, ...('nodes' in worker ? [] : [worker.duplicate()])]
  t.after(() => others.forEach((other) => other.disconnect()))
  const written = others.map((other) => other.set('stray', '1'))
  for (const one of written) one.catch(() => undefined)
  await until(() => told.filter((line) => /ERR DB index is out of range/.test(line)).length >= 2)
  for (let round = 0; round < 20; round += 1) {
    await assert.rejects(wrong.ping(), { code: 'redis-unavailable' })
    await good.ping()
  }
  assert.equal(await redis.client.exists('stray'), 0)
  assert.doesNotMatch(await redis.client.info('keyspace'), /db0/)
})
