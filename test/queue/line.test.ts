import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clusterKeys } from '../../src/model/keys.ts'
import { promoteLate } from '../../src/queue/promote.ts'
import { openBooks } from '../record/books.ts'
import { failed, resultOf, setUp, targetOf, trigger, type Setup } from './setup.ts'
import { until } from './until.ts'

const HOUR = { firstMs: 3_600_000, mostMs: 3_600_000 }
const never = { retryable: HOUR, refused: HOUR }
const key = (application: string): string => clusterKeys('prod').application(application)

const promote = async (setup: Setup): Promise<readonly string[]> =>
  promoteLate(setup.connections.producer, setup.intake.jobs('prod'), [...setup.configuration.applications.keys()])

/** As if it had stood in line for this long. */
async function age(setup: Setup, application: string, byMs: number): Promise<void> {
  const [id, since] = (await setup.redis.client.hget(key(application), 'inLine'))?.split(' ') ?? []
  await setup.redis.client.hset(key(application), 'inLine', `${id} ${Number(since) - byMs}`)
}

test('what only a sweep has asked for is next after ten minutes, whatever is pushed', async () => {
  await using setup = await setUp(['drifted', 'a', 'b'])
  await setup.intake.acceptTrigger(targetOf('drifted'), trigger('drift'))
  for (const name of ['a', 'b']) await setup.intake.acceptTrigger(targetOf(name), trigger('push'))
  assert.deepEqual(await promote(setup), [])
  await age(setup, 'drifted', 599_000)
  assert.deepEqual(await promote(setup), [])
  await age(setup, 'drifted', 2_000)
  assert.deepEqual(await promote(setup), ['drifted'])
  assert.deepEqual(await promote(setup), [])
  await setup.intake.acceptTrigger(targetOf('drifted'), trigger('push'))
  const order: string[] = []
  setup.work({ concurrency: 1, run: async (job) => (order.push(job.application), resultOf(job)) })
  await until(() => order.length === 3)
  assert.deepEqual(order, ['drifted', 'a', 'b'])
})

test('the time in line begins anew with each job', async () => {
  await using setup = await setUp()
  await setup.intake.acceptTrigger(targetOf('api'), trigger('drift'))
  await promote(setup)
  await age(setup, 'api', 700_000)
  const worker = setup.work({ run: async (job) => resultOf(job), ensureIntervalMs: 3_600_000 })
  await worker.drained(AbortSignal.timeout(20_000))
  await worker.close()
  await setup.intake.acceptTrigger(targetOf('api'), trigger('drift'))
  assert.deepEqual(await promote(setup), [])
})

test('the status tells where an application stands in line, and since when', async () => {
  await using setup = await setUp(['a', 'b', 'drifted'])
  await using books = openBooks(setup)
  const queueOf = async (name: string) => (await books.ledger.status(name))?.queue
  await setup.intake.acceptTrigger(targetOf('drifted'), trigger('drift'))
  for (const name of ['a', 'b']) await setup.intake.acceptTrigger(targetOf(name), trigger('push'))
  assert.deepEqual(await queueOf('a'), { for: 'turn', why: 'it is next', place: { position: 1, of: 3 } })
  assert.equal((await queueOf('b'))?.why, '1 is before it')
  assert.deepEqual(await queueOf('drifted'), { for: 'turn', why: '2 are before it', place: { position: 3, of: 3 } })
  await promote(setup)
  assert.equal(typeof (await queueOf('drifted'))?.place?.since, 'number')
  const worker = setup.work({ run: async (job) => resultOf(job) })
  await worker.drained(AbortSignal.timeout(20_000))
  assert.equal(await queueOf('drifted'), undefined)
})

test('the status tells what waits for its retry, and what is left alone because workers crashed over it; a sync by hand releases that', async () => {
  await using setup = await setUp(['bad', 'poison'])
  await using books = openBooks(setup)
  const queueOf = async (name: string) => (await books.ledger.status(name))?.queue
  let crashes = true
  const crashed = { code: 'worker-crashed', message: 'Workers crashed', fix: 'Look', retryable: true }
  setup.work({
    backoff: never,
    run: async (job) => resultOf(job, job.application === 'bad' ? failed(true) : crashes ? { ...failed(true), problem: crashed } : {}),
  })
  for (const name of ['bad', 'poison']) await setup.intake.acceptTrigger(targetOf(name), trigger())
  await until(async () => (await queueOf('bad'))?.for === 'retry' && (await queueOf('poison'))?.for === 'quarantine')
  assert.match((await queueOf('bad'))?.why ?? '', /after 1 failure$/)
  assert.match((await queueOf('poison'))?.why ?? '', /a sync by hand releases it/)
  assert.ok(((await queueOf('poison'))?.until ?? 0) > Date.now() + 600_000)
  crashes = false
  await setup.intake.acceptTrigger(targetOf('poison'), trigger('manual'))
  await until(async () => (await queueOf('poison')) === undefined && (await books.ledger.status('poison'))?.sync === 'synced')
})
