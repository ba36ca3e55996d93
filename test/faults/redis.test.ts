import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clusterKeys } from '../../src/model/keys.ts'
import { delivery, resultOf, setUp, targetOf, trigger, type Setup } from '../queue/setup.ts'
import { until } from '../queue/until.ts'

const api = targetOf('api')
const key = clusterKeys('prod').application('api')
const refused = { code: 'redis-unavailable', retryable: true }

const field = async (setup: Setup, name: string): Promise<number> => Number(await setup.redis.client.hget(key, name))

async function untilSwept(setup: Setup): Promise<void> {
  const queue = await setup.intake.jobs('prod').queue()
  await until(async () => {
    const names = (await queue.getJobs(['prioritized'])).map((job) => job.name)
    return names.includes('sweep') && names.includes('poll')
  })
}

const faults: readonly { name: string; begin: (setup: Setup) => Promise<unknown>; end: (setup: Setup) => Promise<unknown> }[] = [
  {
    name: 'full',
    begin: ({ redis }) => redis.each((server) => server.config('SET', 'maxmemory', '1')),
    end: ({ redis }) => redis.each((server) => server.config('SET', 'maxmemory', '0')),
  },
  {
    // As after a failover that a client has not noticed.
    name: 'a read-only replica',
    begin: ({ redis }) => redis.each((server) => server.replicaof('127.0.0.1', 1)),
    end: ({ redis }) => redis.each((server) => server.replicaof('NO', 'ONE')),
  },
]
for (const { name, begin, end } of faults) {
  test(`a Redis that is ${name} takes nothing and promises nothing; afterwards both, and a sweep makes up for the time between`, async () => {
    await using setup = await setUp()
    const before = await setup.intake.acceptDelivery(delivery('before'), [api], trigger())
    await begin(setup)
    await assert.rejects(setup.intake.acceptDelivery(delivery('during'), [api], trigger()), refused)
    assert.equal(await field(setup, 'want'), before.tickets[0]?.wanted)
    await end(setup)
    await untilSwept(setup)
    const { duplicate, tickets } = await setup.intake.acceptDelivery(delivery('during'), [api], trigger())
    assert.equal(duplicate, false)
    setup.work({ run: async (job) => resultOf(job) })
    await until(async () => (await field(setup, 'done')) === tickets[0]?.wanted)
  })
}

test('a worker that runs a sync while Redis fills up records its outcome once there is room', async () => {
  await using setup = await setUp()
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  let runs = 0
  setup.work({
    ensureIntervalMs: 200,
    run: async (job) => {
      runs += 1
      await released
      return resultOf(job)
    },
  })
  const { wanted } = await setup.intake.acceptTrigger(api, trigger())
  await until(() => runs === 1)
  await setup.redis.each((server) => server.config('SET', 'maxmemory', '1'))
  release()
  await until(async () => (await setup.redis.each((server) => server.info('errorstats'))).join().includes('errorstat_OOM'))
  await setup.redis.each((server) => server.config('SET', 'maxmemory', '0'))
  await until(async () => (await field(setup, 'done')) === wanted)
})

for (const job of ['poll', 'sweep'] as const) {
  test(`a ${job} whose job was deleted comes back, although its deduplication key stays`, async () => {
    await using setup = await setUp()
    const { client } = setup.redis
    const bull = `${clusterKeys('prod').prefix}:sync:`
    await (job === 'poll' ? setup.intake.jobs('prod').addPoll('shop') : setup.intake.jobs('prod').addSweep())
    const [id] = await client.zrangebyscore(`${bull}prioritized`, '-inf', '+inf')
    await client.del(`${bull}${id}`, `${bull}prioritized`)
    assert.equal(await client.exists(`${bull}de:${job === 'poll' ? 'poll/shop' : 'sweep/all'}`), 1)
    let ran = 0
    setup.work({ run: async (one) => resultOf(one), [job]: async () => void (ran += 1) })
    await until(() => ran > 0, 20_000)
  })
}
