import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GitwakeError } from '../../src/model/error.ts'
import { clusterKeys, receiverKeys } from '../../src/model/keys.ts'
import { createIntake } from '../../src/queue/accept.ts'
import { delivery, resultOf, setUp, silent, targetOf, trigger } from './setup.ts'
import { until } from './until.ts'

const api = targetOf('api')

async function waitingJobs(setup: Awaited<ReturnType<typeof setUp>>, cluster = 'prod') {
  const queue = await setup.intake.jobs(cluster).queue()
  return queue.getJobs(['prioritized', 'waiting', 'active', 'delayed'])
}

/** A sweep and a poll wait: nobody has to be told that Redis is back. */
async function untilSwept(setup: Awaited<ReturnType<typeof setUp>>): Promise<void> {
  await until(async () => {
    const names = (await waitingJobs(setup).catch(() => [])).map(({ name }) => name)
    return names.includes('sweep') && names.includes('poll')
  })
}

test('the same delivery twice gets the same tickets and one job', async () => {
  await using setup = await setUp()
  const first = await setup.intake.acceptDelivery(delivery('d1'), [api], trigger())
  const second = await setup.intake.acceptDelivery(delivery('d1'), [api], trigger())
  assert.equal(first.duplicate, false)
  assert.deepEqual(second, { duplicate: true, tickets: first.tickets })
  assert.equal((await waitingJobs(setup)).length, 1)
})

test('the same id with another body is another delivery', async () => {
  await using setup = await setUp()
  const first = await setup.intake.acceptDelivery(delivery('d1'), [api], trigger())
  const second = await setup.intake.acceptDelivery(delivery('d1', undefined, 'another body'), [api], trigger())
  assert.equal(second.duplicate, false)
  assert.equal(second.tickets[0]?.wanted, (first.tickets[0]?.wanted ?? 0) + 1)
})

test('one delivery a thousand times at once is accepted once', async () => {
  await using setup = await setUp()
  const all = await Promise.all(Array.from({ length: 1_000 }, async () => setup.intake.acceptDelivery(delivery('d1'), [api], trigger())))
  assert.equal(all.filter(({ duplicate }) => !duplicate).length, 1)
  assert.equal(new Set(all.map(({ tickets }) => tickets[0]?.wanted)).size, 1)
})

test('a request that is repeated under its key gets its first ticket, and another request under it none', async () => {
  await using setup = await setUp(['api', 'web'])
  const ask = (key: string, request = 'sync api') => setup.intake.acceptOnce(api, trigger('manual'), { key, request })
  const first = await ask('one')
  const crowd = await Promise.all(Array.from({ length: 50 }, async () => ask('two')))
  assert.deepEqual(await ask('one'), first)
  assert.equal(new Set(crowd.map((ticket) => ticket?.wanted)).size, 1)
  assert.notEqual(crowd[0]?.wanted, first?.wanted)
  assert.equal(await ask('one', 'sync web'), undefined)
  assert.equal((await waitingJobs(setup)).length, 1)
  const names = async () => (await setup.redis.each((server) => server.keys('{gitwake}:idempotency:*'))).flat()
  const [name = ''] = await names()
  const leftMs = await setup.redis.client.pttl(name)
  assert.ok(leftMs > 23 * 3_600_000 && leftMs <= 24 * 3_600_000, `it is remembered for ${leftMs} ms`)
  // A key that is used again after a day is another request, although the queue still knows the one of before.
  for (const key of await names()) await setup.redis.client.del(key)
  assert.notEqual((await ask('one'))?.wanted, first?.wanted)
})

test('a delivery for two clusters gets a ticket and a job in each', async () => {
  await using setup = await setUp(['api'], ['dev', 'prod'])
  const targets = [targetOf('api-dev', 'dev'), targetOf('api-prod', 'prod')]
  const { tickets } = await setup.intake.acceptDelivery(delivery('d1'), targets, trigger())
  assert.deepEqual(
    tickets.map(({ cluster }) => cluster),
    ['dev', 'prod'],
  )
  assert.equal((await waitingJobs(setup, 'dev')).length, 1)
  assert.equal((await waitingJobs(setup, 'prod')).length, 1)
})

test('a delivery that was cut off between record and tickets is completed by its second attempt', async () => {
  await using setup = await setUp(['api'], ['dev', 'prod'])
  const dev = targetOf('api-dev', 'dev')
  const prod = targetOf('api-prod', 'prod')
  const cut = await setup.intake.acceptDelivery(delivery('d1'), [dev], trigger())
  const whole = await setup.intake.acceptDelivery(delivery('d1'), [dev, prod], trigger())
  assert.equal(whole.duplicate, false)
  assert.deepEqual(whole.tickets[0], cut.tickets[0])
  assert.equal((await waitingJobs(setup, 'prod')).length, 1)
  const again = await setup.intake.acceptDelivery(delivery('d1'), [dev, prod], trigger())
  assert.deepEqual(again, { duplicate: true, tickets: whole.tickets })
})

test('an application whose record is damaged refuses its own deliveries, and none that come with them', async () => {
  await using setup = await setUp(['api', 'web'])
  await setup.redis.client.set(clusterKeys('prod').application('web'), 'not a hash')
  const [good, damaged] = await Promise.allSettled([
    setup.intake.acceptDelivery(delivery('d1'), [api], trigger()),
    setup.intake.acceptDelivery(delivery('d2'), [targetOf('web')], trigger()),
  ])
  assert.equal(good.status, 'fulfilled')
  assert.equal(damaged.status, 'rejected')
})

test('a delivery that concerns no application is remembered all the same', async () => {
  await using setup = await setUp()
  assert.deepEqual(await setup.intake.acceptDelivery(delivery('d1'), [], trigger()), { duplicate: false, tickets: [] })
  assert.deepEqual(await setup.intake.acceptDelivery(delivery('d1'), [], trigger()), { duplicate: true, tickets: [] })
})

test('10,000 pushes to one application leave at most two jobs, and a bounded memory of them', async () => {
  await using setup = await setUp()
  const intake = createIntake({
    redis: setup.connections.producer,
    queues: setup.connections.queues,
    configuration: () => setup.configuration,
    log: silent,
    retention: { ageMs: 3_600_000, deliveries: 500 },
  })
  const release = Promise.withResolvers<void>()
  const runs: number[] = []
  setup.work({
    run: async (job, { signal }) => {
      // Whatever fails below must not leave this run behind.
      signal.addEventListener('abort', () => release.resolve())
      runs.push(job.seen)
      if (runs.length === 1) await release.promise
      return resultOf(job)
    },
  })
  await intake.acceptTrigger(api, trigger())
  await until(() => runs.length === 1)
  let last = 0
  for (let round = 0; round < 20; round += 1) {
    const accepted = await Promise.all(
      Array.from({ length: 500 }, async (_, index) => intake.acceptDelivery(delivery(`d${round}-${index}`), [api], trigger())),
    )
    last = Math.max(...accepted.map(({ tickets }) => tickets[0]?.wanted ?? 0))
    // Canaries, polls and sweeps come and go beside them.
    assert.ok((await waitingJobs(setup)).filter(({ name }) => name === 'sync').length <= 2)
  }
  release.resolve()
  const { client } = setup.redis
  await until(async () => (await client.hget(clusterKeys('prod').application('api'), 'done')) === String(last))
  assert.equal(runs.length, 2)
  assert.ok((await client.hlen(clusterKeys('prod').deliveries)) <= 500)
  assert.ok((await setup.redis.each((server) => server.keys(receiverKeys.delivery('*')))).flat().length <= 501)
  await intake.close()
})

test('while Redis is frozen nothing is promised; what was promised is written down', async () => {
  await using setup = await setUp()
  await setup.intake.acceptDelivery(delivery('before'), [api], trigger())
  const outcomes: { id: string; accepted: boolean; code?: string }[] = []
  setup.redis.freeze()
  const ask = async (id: string): Promise<void> =>
    setup.intake.acceptDelivery(delivery(id), [api], trigger()).then(
      () => void outcomes.push({ id, accepted: true }),
      (error: unknown) => void outcomes.push({ id, accepted: false, code: error instanceof GitwakeError ? error.code : 'other' }),
    )
  // Several rounds, each longer than every timeout: whatever could wrongly be promised would be by then.
  const thawAt = performance.now() + 6_000
  for (let round = 0; performance.now() < thawAt; round += 1) {
    await Promise.all(Array.from({ length: 50 }, async (_, index) => ask(`during-${round}-${index}`)))
  }
  assert.deepEqual([...new Set(outcomes.map(({ accepted, code }) => `${accepted} ${code}`))], ['false redis-unavailable'])
  setup.redis.thaw()
  await untilSwept(setup)
  await until(async () =>
    setup.connections.ping().then(
      () => true,
      () => false,
    ),
  )
  const { tickets } = await setup.intake.acceptDelivery(delivery('after'), [api], trigger())
  const want = await setup.redis.client.hget(clusterKeys('prod').application('api'), 'want')
  assert.equal(want, String(tickets[0]?.wanted))
})

test('a Redis that is away is told at once, and a sweep and polls follow when it is back', async () => {
  await using setup = await setUp()
  await setup.redis.kill()
  await assert.rejects(setup.intake.acceptDelivery(delivery('d1'), [api], trigger()), { code: 'redis-unavailable', retryable: true })
  await setup.redis.restart()
  await until(async () =>
    setup.connections.ping().then(
      () => true,
      () => false,
    ),
  )
  await untilSwept(setup)
})

test('authentic pushes that the receiver could not even hand over are made up for as well', async () => {
  await using setup = await setUp()
  setup.intake.missed([api])
  await untilSwept(setup)
})

test('an accepted delivery survives a Redis that is killed right afterwards', async () => {
  await using setup = await setUp()
  const { tickets } = await setup.intake.acceptDelivery(delivery('d1'), [api], trigger())
  // AOF everysec: written before the answer, unless the disk is behind; synced (against a power cut) within a second.
  await until(async () =>
    (await setup.redis.each((server) => server.info('persistence'))).every((info) => info.includes('aof_buffer_length:0')),
  )
  await setup.redis.restart()
  assert.equal(await setup.redis.client.hget(clusterKeys('prod').application('api'), 'want'), String(tickets[0]?.wanted))
})

test('a push overtakes what was asked for by hand, and that overtakes what only a sweep has asked for', async () => {
  await using setup = await setUp(['api', 'web', 'jobs'])
  const web = targetOf('web')
  await setup.intake.acceptTrigger(targetOf('jobs'), trigger('drift'))
  await setup.intake.acceptTrigger(api, trigger('drift'))
  await setup.intake.acceptTrigger(web, trigger('manual'))
  await setup.intake.acceptTrigger(api, trigger('push'))
  const order: string[] = []
  setup.work({
    concurrency: 1,
    run: async (job) => {
      order.push(`${job.application} ${job.reason}`)
      return resultOf(job)
    },
  })
  await until(() => order.length === 3)
  assert.deepEqual(order, ['api push', 'web manual', 'jobs drift'])
})

test('a repository with many waiting applications does not stand in front of another', async () => {
  await using setup = await setUp(['a', 'b', 'c', 'other'])
  for (const name of ['a', 'b', 'c']) await setup.intake.acceptTrigger(targetOf(name), trigger())
  await setup.intake.acceptTrigger({ ...targetOf('other'), repository: 'docs' }, trigger())
  const priorities = new Map((await waitingJobs(setup)).map((job) => [job.data.application, job.priority]))
  assert.deepEqual(Object.fromEntries(priorities), { a: 100_001, b: 100_002, c: 100_003, other: 100_001 })
})
