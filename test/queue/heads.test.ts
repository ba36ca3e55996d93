import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clusterKeys } from '../../src/model/keys.ts'
import { createHeadHistory } from '../../src/queue/heads.ts'
import { setUp } from './setup.ts'

const [HEAD, REF] = ['a'.repeat(40), 'refs/heads/main']
const BY = { application: 'api', named: false }

test('a Redis that is away stops no sync, and no head is taken for known', async () => {
  await using setup = await setUp()
  const heads = createHeadHistory(setup.connections.producer, 'prod')
  assert.equal(await heads.admit('shop', REF, HEAD, BY), 'accepted')
  assert.equal(await heads.has('shop', REF, HEAD), true)
  await setup.redis.kill()
  assert.equal(await heads.admit('shop', REF, HEAD, BY), 'accepted')
  assert.equal(await heads.has('shop', REF, HEAD), false)
})

test('a Redis that refuses to remember heads is told: otherwise a branch could go backwards unseen', async () => {
  await using setup = await setUp()
  const heads = createHeadHistory(setup.connections.producer, 'prod')
  await setup.redis.client.set(clusterKeys('prod').heads('shop', REF), 'no list')
  const refused = { code: 'redis-unavailable', retryable: true, message: /WRONGTYPE/ }
  await assert.rejects(heads.admit('shop', REF, HEAD, BY), refused)
  await assert.rejects(heads.has('shop', REF, HEAD), refused)
})
