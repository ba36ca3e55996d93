import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clusterKeys } from '../../src/model/keys.ts'
import { ensureJobs } from '../../src/queue/ensure.ts'
import { failed, resultOf, setUp, targetOf, trigger } from './setup.ts'
import { until } from './until.ts'

type Setup = Awaited<ReturnType<typeof setUp>>
const api = targetOf('api')
const keys = clusterKeys('prod')
const bull = `${keys.prefix}:sync:`

const ensure = async (setup: Setup): Promise<readonly string[]> =>
  ensureJobs(setup.connections.producer, setup.intake.jobs('prod'), [...setup.configuration.applications.keys()])

const answered = async (setup: Setup, wanted: number): Promise<boolean> =>
  (await setup.redis.client.hget(keys.application('api'), 'done')) === String(wanted)

async function waitingIds(setup: Setup): Promise<readonly (string | undefined)[]> {
  const queue = await setup.intake.jobs('prod').queue()
  return (await queue.getJobs(['prioritized', 'waiting'])).map(({ id }) => id)
}

test('what has a job gets no second one', async () => {
  await using setup = await setUp()
  await setup.intake.acceptTrigger(api, trigger())
  assert.deepEqual(await ensure(setup), [])
  assert.equal((await waitingIds(setup)).length, 1)
})

test('a job that vanished is replaced', async () => {
  await using setup = await setUp()
  await setup.intake.acceptTrigger(api, trigger())
  const [id] = await waitingIds(setup)
  await setup.redis.client.del(`${bull}${id}`)
  await setup.redis.client.zrem(`${bull}prioritized`, id ?? '')
  assert.deepEqual(await ensure(setup), ['api'])
  assert.equal((await waitingIds(setup)).length, 1)
})

test('a stray deduplication key, even one of a finished job, blocks nobody', async () => {
  await using setup = await setUp()
  setup.work({ ensureIntervalMs: 100, run: async (job) => resultOf(job) })
  const first = await setup.intake.acceptTrigger(api, trigger())
  await until(async () => answered(setup, first.wanted))
  const queue = await setup.intake.jobs('prod').queue()
  await until(async () => (await queue.getCompleted()).length > 0)
  const [finished] = await queue.getCompleted()
  await setup.redis.client.set(`${bull}de:api`, finished?.id ?? '')
  const second = await setup.intake.acceptTrigger(api, trigger())
  await until(async () => answered(setup, second.wanted))
  await setup.redis.client.set(`${bull}de:api`, 'never-existed')
  const third = await setup.intake.acceptTrigger(api, trigger())
  await until(async () => answered(setup, third.wanted))
})

test('a stale waiting flag hides no push for longer than one look', async () => {
  await using setup = await setUp()
  await setup.redis.client.hset(keys.application('api'), 'waiting', 1)
  const { wanted } = await setup.intake.acceptTrigger(api, trigger())
  assert.equal((await waitingIds(setup)).length, 0)
  setup.work({ ensureIntervalMs: 100, run: async (job) => resultOf(job) })
  await until(async () => answered(setup, wanted))
  assert.equal(await setup.redis.client.hget(keys.application('api'), 'waiting'), null)
})

test('a flag that says nobody waits is set right, and a flag without anything wanted is cleared', async () => {
  await using setup = await setUp(['api', 'web'])
  const { client } = setup.redis
  await setup.intake.acceptTrigger(api, trigger())
  await client.hdel(keys.application('api'), 'waiting')
  await client.hset(keys.application('web'), { seed: 1, want: 1, done: 1, waiting: 1, repository: 'shop' })
  await client.sadd(`${keys.prefix}:waiting:shop`, 'web')
  assert.deepEqual(await ensure(setup), [])
  assert.ok(await client.hget(keys.application('api'), 'waiting'))
  assert.equal(await client.hget(keys.application('web'), 'waiting'), null)
  assert.deepEqual(await client.smembers(`${keys.prefix}:waiting:shop`), ['api'])
})

test('a retry whose timer is lost comes all the same', async () => {
  await using setup = await setUp()
  let runs = 0
  setup.work({
    ensureIntervalMs: 100,
    backoff: { retryable: { firstMs: 1_000, mostMs: 1_000 }, refused: { firstMs: 1_000, mostMs: 1_000 } },
    run: async (job) => resultOf(job, (runs += 1) === 1 ? failed(true) : {}),
  })
  const { wanted } = await setup.intake.acceptTrigger(api, trigger())
  const queue = await setup.intake.jobs('prod').queue()
  await until(async () => (await queue.getDelayed()).length === 1)
  const [retry] = await queue.getDelayed()
  await setup.redis.client.del(`${bull}${retry?.id}`, `${bull}delayed`)
  await until(async () => answered(setup, wanted))
})

test('an application that is not due is left alone', async () => {
  await using setup = await setUp()
  const { wanted } = await setup.intake.acceptTrigger(api, trigger())
  const { client } = setup.redis
  await setup.redis.each((server) => server.flushall())
  await client.hset(keys.application('api'), { seed: wanted, want: wanted, done: wanted - 1, notBefore: Date.now() + 60_000 })
  assert.deepEqual(await ensure(setup), [])
  await client.hset(keys.application('api'), 'notBefore', Date.now() - 1)
  assert.deepEqual(await ensure(setup), ['api'])
})

test('after FLUSHALL in mid-run the next push runs at once, and no ticket is ever given twice', async () => {
  await using setup = await setUp()
  const release = Promise.withResolvers<void>()
  const seen: number[] = []
  setup.work({
    run: async (job) => {
      seen.push(job.seen)
      if (seen.length === 1) await release.promise
      return resultOf(job)
    },
  })
  const before = await setup.intake.acceptTrigger(api, trigger())
  await until(() => seen.length === 1)
  await setup.redis.each((server) => server.flushall())
  const after = await setup.intake.acceptTrigger(api, trigger())
  assert.ok(after.wanted > before.wanted)
  release.resolve()
  await until(async () => answered(setup, after.wanted))
  assert.deepEqual(seen, [before.wanted, after.wanted])
  const third = await setup.intake.acceptTrigger(api, trigger())
  await until(async () => answered(setup, third.wanted))
})

test('a worker goes on when Redis was killed and is back', async () => {
  await using setup = await setUp()
  setup.work({ ensureIntervalMs: 500, run: async (job) => resultOf(job) })
  const first = await setup.intake.acceptTrigger(api, trigger())
  await until(async () => answered(setup, first.wanted))
  await setup.redis.restart()
  await until(async () =>
    setup.connections.ping().then(
      () => true,
      () => false,
    ),
  )
  const second = await setup.intake.acceptTrigger(api, trigger())
  await until(async () => answered(setup, second.wanted))
})
