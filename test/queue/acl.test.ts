import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { clusterKeys, receiverKeys } from '../../src/model/keys.ts'
import { createIntake } from '../../src/queue/accept.ts'
import { readCanary } from '../../src/queue/canary.ts'
import { createHeadHistory } from '../../src/queue/heads.ts'
import { changedSince, remember } from '../../src/queue/last-known.ts'
import { checkoutRoot } from '../support/checkout.ts'
import { delivery, resultOf, setUp, silent, targetOf, trigger } from './setup.ts'
import { until } from './until.ts'

/** The rights of a role as the page about them gives them. */
async function rightsOf(user: string): Promise<readonly string[]> {
  const page = await readFile(join(checkoutRoot, 'docs', 'reliability.md'), 'utf8')
  const [, rights] = new RegExp(`^ACL SETUSER ${user} +on >PASSWORD (.+)$`, 'm').exec(page) ?? []
  assert.ok(rights, user)
  return rights.split(' ')
}

test('a worker needs nothing in Redis but the keys of its cluster, and the receiver nothing beyond those of gitwake', async () => {
  await using setup = await setUp(['api'], ['prod', 'dev'])
  const { client } = setup.redis
  const passwords = { worker: 'the-password-of-a-worker', serve: 'the-password-of-serve' }
  const [ofWorker, ofServe] = [await rightsOf('worker-prod'), await rightsOf('serve')]
  await setup.redis.each(async (server) => {
    await server.acl('SETUSER', 'worker', 'reset', 'on', `>${passwords.worker}`, ...ofWorker)
    await server.acl('SETUSER', 'serve', 'reset', 'on', `>${passwords.serve}`, ...ofServe)
  })
  const serve = setup.connect({ user: 'serve', password: passwords.serve })
  const worker = setup.connect({ user: 'worker', password: passwords.worker })
  await serve.ready(AbortSignal.timeout(20_000))
  await worker.ready(AbortSignal.timeout(20_000))

  const target = targetOf('api-prod')
  const intake = createIntake({ redis: serve.producer, queues: serve.queues, configuration: () => setup.configuration, log: silent })
  const { tickets } = await intake.acceptDelivery(delivery('d1'), [target], trigger())
  let polls = 0
  setup.work({ connections: worker, run: async (job) => resultOf(job), poll: async () => void (polls += 1) })
  await until(async () => (await client.hget(clusterKeys('prod').application('api-prod'), 'done')) === String(tickets[0]?.wanted))
  await until(async () => polls > 0 && (await readCanary(client, 'prod')) !== undefined)
  const heads = createHeadHistory(worker.producer, 'prod')
  assert.equal(await heads.admit('shop', 'refs/heads/main', 'a'.repeat(40), { application: 'api-prod', named: true }), 'accepted')
  assert.equal(await client.exists(clusterKeys('prod').heads('shop', 'refs/heads/main')), 1)
  await remember(worker.producer, 'prod', 'health', new Map([['api-prod', 'x']]))
  assert.deepEqual(await changedSince(worker.producer, 'prod', 'health', new Map([['api-prod', 'x']])), [])

  for (const key of [receiverKeys.deliveryOrder, clusterKeys('dev').status, 'another']) {
    await assert.rejects(worker.producer.type(key), /NOPERM/, key)
  }
  await assert.rejects(serve.producer.type('another'), /NOPERM/)
  for (const { producer } of [worker, serve]) await assert.rejects(producer.flushall(), /NOPERM/)
})
