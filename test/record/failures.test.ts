import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSharedFailures } from '../../src/record/failures.ts'
import type { SharedFailures } from '../../src/model/shared-failures.ts'
import { createRateLimiter } from '../../src/webhook/rate-limit.ts'
import { setUp, type Setup } from '../queue/setup.ts'
import { until } from '../queue/until.ts'

const limit = { requests: 10, perMs: 3_600_000 }

const replica = (setup: Setup): SharedFailures =>
  createSharedFailures({ redis: setup.connections.producer, name: 'test', limit, now: Date.now })

/** Requests that fail, as a door counts them: until it is shut. */
async function guess(failures: SharedFailures, source: string, most: number): Promise<number> {
  for (let guesses = 0; guesses < most; guesses += 1) {
    if ((await failures.blockedForMs(source)) > 0) return guesses
    failures.failed(source)
  }
  return most
}

test('failures are counted over replicas and restarts, each source by itself', async () => {
  await using setup = await setUp()
  const [one, other] = [replica(setup), replica(setup)]
  assert.equal(await guess(one, 'a', 4), 4)
  for (let count = 0; count < 6; count += 1) other.failed('a')
  await until(async () => (await other.blockedForMs('a')) > 0)
  const restarted = replica(setup)
  const waitMs = await restarted.blockedForMs('a')
  assert.ok(waitMs > 3_000_000 && waitMs <= limit.perMs, String(waitMs))
  assert.equal(await guess(restarted, 'a', 1), 0)
  assert.equal(await restarted.blockedForMs('b'), 0)
})

test('a source that has proven itself is not refused for what others do behind it, also after a restart', async () => {
  await using setup = await setUp()
  const one = replica(setup)
  one.proven('proxy')
  for (let count = 0; count < 20; count += 1) one.failed('proxy')
  await until(async () => (await setup.redis.client.keys('{gitwake}:failures:test:*')).length === 2)
  assert.equal(await one.blockedForMs('proxy'), 0)
  const restarted = replica(setup)
  assert.equal(await restarted.blockedForMs('proxy'), 0)
  restarted.failed('proxy')
  await until(async () => Number(await setup.redis.client.get('{gitwake}:failures:test:proxy')) > 0)
  assert.equal(await restarted.blockedForMs('proxy'), 0)
})

test('whoever has shown the secret to one replica is listened to by the others, however many fail behind the same address', async () => {
  await using setup = await setUp()
  const replicaOf = () => createRateLimiter(limit, replica(setup))
  const [one, other] = [replicaOf(), replicaOf()]
  for (const replicated of [one, other]) for (let count = 0; count < 20; count += 1) replicated.failed('proxy', 0)
  one.authentic('proxy', 0)
  await until(async () => (await setup.redis.client.exists('{gitwake}:failures:test:proven:proxy')) === 1)
  assert.equal(await other.admit('proxy', 0), 0)
  const restarted = replicaOf()
  for (let count = 0; count < 20; count += 1) restarted.failed('proxy', 0)
  assert.equal(await restarted.admit('proxy', 0), 0)
  for (let count = 0; count < 20; count += 1) restarted.failed('stranger', 0)
  assert.ok((await restarted.admit('stranger', 0)) > 0)
})

test('requests that do not fail cost Redis one look, however many they are', async () => {
  await using setup = await setUp()
  const failures = replica(setup)
  const calls = async (): Promise<number> =>
    Number(/cmdstat_exists:calls=(\d+)/.exec(await setup.redis.client.info('commandstats'))?.[1] ?? 0)
  const before = await calls()
  await Promise.all(Array.from({ length: 500 }, async () => failures.blockedForMs('forge')))
  for (let count = 0; count < 500; count += 1) assert.equal(failures.blockedForMs('forge'), 0)
  assert.equal((await calls()) - before, 1)
})

test('while Redis is away or frozen nobody is refused for it, and counting goes on when it is back', async () => {
  await using setup = await setUp()
  const failures = replica(setup)
  setup.redis.freeze()
  assert.equal(await failures.blockedForMs('a'), 0)
  failures.failed('a')
  setup.redis.thaw()
  await setup.redis.kill()
  assert.equal(await failures.blockedForMs('b'), 0)
  failures.failed('b')
  await setup.redis.restart()
  await until(async () => setup.connections.producer.status === 'ready')
  await until(async () => {
    failures.failed('c')
    return (await failures.blockedForMs('c')) > 0
  })
})
