import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clusterKeys } from '../../src/model/keys.ts'
import type { Delivery, Push } from '../../src/model/push.ts'
import { publishRead } from '../../src/queue/reads.ts'
import { openBooks } from '../record/books.ts'
import { delivery, failed, resultOf, setUp, targetOf, trigger, withRetries, type Setup } from './setup.ts'
import { until } from './until.ts'

const [R0, R1, R2] = ['a'.repeat(40), 'b'.repeat(40), 'c'.repeat(40)]
const MAIN = 'refs/heads/main'

/** Applications that a worker has synced at R0, each having read a folder of its own name. */
async function settled(names: readonly string[]): Promise<Setup> {
  const setup = await setUp(names)
  const { producer } = setup.connections
  const worker = setup.work({
    run: async (job) => {
      await publishRead(producer, 'prod', job.application, { revision: R0, set: setOf(job.application) })
      return resultOf(job, { revision: R0 })
    },
  })
  await setup.intake.acceptTriggers(
    names.map((name) => targetOf(name)),
    trigger('push', { revision: R0 }),
  )
  await worker.drained(AbortSignal.timeout(60_000))
  await worker.close()
  await producer.lpush(clusterKeys('prod').heads('shop', MAIN), R0)
  return setup
}

function setOf(application: string) {
  return { repository: 'shop', ref: MAIN, path: '', inputs: `inputs of ${application}`, paths: [`apps/${application}`] }
}

function push(id: string, move: Partial<Push> = {}): Delivery {
  const told = delivery(id)
  const after = move.after ?? R1
  return { ...told, event: { ...(told.event as Push), before: R0, after, changedPaths: ['apps/api/a.yaml'], ...move } }
}

async function send({ intake }: Setup, sent: Delivery, ...names: readonly string[]) {
  const { after } = sent.event as Push
  return intake.acceptDelivery(
    sent,
    names.map((name) => targetOf(name)),
    trigger('push', { delivery: { provider: sent.provider, id: sent.id }, ...(after !== undefined && { revision: after }) }),
  )
}

async function syncs({ intake }: Setup): Promise<readonly (string | undefined)[]> {
  const queue = await intake.jobs('prod').queue()
  const jobs = await queue.getJobs(['prioritized', 'waiting', 'delayed', 'active'])
  return jobs.filter(({ name }) => name === 'sync').map(({ data }) => data.application)
}

test('a push to 500 applications that touches one of them makes one job, and the ledger knows of all', async () => {
  const names = Array.from({ length: 500 }, (_, index) => `app-${index}`)
  await using setup = await settled(names)
  await using books = openBooks(setup, 5)
  const { tickets, notAffected } = await send(setup, push('d1', { changedPaths: ['apps/app-7/a.yaml', 'README.md'] }), ...names)
  assert.equal(tickets.length, 500)
  assert.equal(notAffected?.length, 499)
  assert.deepEqual(await syncs(setup), ['app-7'])
  const outcomes = async () => (await books.ledger.delivery('d1'))?.outcomes ?? []
  await until(async () => (await outcomes()).filter(({ state }) => state === 'not affected').length === 499)
  assert.deepEqual(
    (await outcomes()).filter(({ state }) => state !== 'not affected').map(({ application, state }) => [application, state]),
    [['app-7', 'pending']],
  )
})

test('what is answered at the door reads as if a worker had said it: delivery, commit, status, history, who waits', async () => {
  await using setup = await settled(['api', 'web'])
  await using books = openBooks(setup)
  // Of `api` a worker says that nothing has changed, of `web` the door.
  await setup.connections.producer.hdel(clusterKeys('prod').readAt, 'api')
  const { tickets } = await send(setup, push('d1', { changedPaths: ['README.md'] }), 'api', 'web')
  const worker = setup.work({
    run: async (job) =>
      resultOf(job, {
        revision: R1,
        rendered: undefined,
        outcome: 'not affected',
        message: `nothing that ${job.application} reads has changed`,
      }),
  })
  await worker.drained(AbortSignal.timeout(60_000))
  const signal = AbortSignal.timeout(30_000)
  const [byWorker, atDoor] = await Promise.all(tickets.map(async (ticket) => books.ledger.waitFor(ticket, signal)))
  const timeless = (value: unknown): unknown =>
    JSON.parse(
      JSON.stringify(value, (key, inner: unknown) =>
        ['startedAt', 'finishedAt', 'since', 'at', 'seenAt', 'seen', 'wanted', 'done', 'ticket'].includes(key) ? 0 : inner,
      ).replaceAll('api', 'web'),
    )
  assert.notEqual(atDoor, undefined)
  assert.deepEqual(timeless(atDoor), timeless(byWorker))
  const [apiPlace, webPlace] = (await books.ledger.commit(R1)).applications
  assert.equal(webPlace?.state, 'not affected')
  assert.deepEqual(timeless(webPlace), timeless(apiPlace))
  const told = await books.ledger.delivery('d1')
  assert.deepEqual(timeless(told?.outcomes[1]), timeless(told?.outcomes[0]))
  const [api, web] = await books.ledger.statuses()
  assert.equal(web?.applied?.revision, R1)
  assert.deepEqual(timeless(web), timeless(api))
})

test('the same delivery again gets its ticket again, and the next push goes on from there', async () => {
  await using setup = await settled(['web'])
  const first = await send(setup, push('d1'), 'web')
  assert.deepEqual(first.notAffected, ['web'])
  assert.deepEqual(await send(setup, push('d1'), 'web'), { duplicate: true, tickets: first.tickets })
  const next = await send(setup, push('d2', { before: R1, after: R2 }), 'web')
  assert.deepEqual(next.notAffected, ['web'])
  const last = await send(setup, push('d3', { before: R2, after: R0, changedPaths: ['apps/web/x.yaml'] }), 'web')
  assert.equal(last.notAffected, undefined)
  assert.deepEqual(await syncs(setup), ['web'])
})

const uncertain: readonly (readonly [string, Partial<Push>])[] = [
  ['whose list of files is cut', { changedPaths: undefined }],
  ['that was forced', { forced: true }],
  ['that creates the branch', { created: true }],
  ['that begins at another commit than the one last seen (one was lost, or they came out of order)', { before: R2 }],
  ['that does not say where it begins', { before: undefined }],
  ['of a tag', { ref: 'refs/tags/v1' }],
]
for (const [what, move] of uncertain) {
  test(`a push ${what} is left to the worker`, async () => {
    await using setup = await settled(['web'])
    assert.equal((await send(setup, push('d1', move), 'web')).notAffected, undefined)
    assert.deepEqual(await syncs(setup), ['web'])
  })
}

test('of two pushes that come in the wrong order, neither is answered at the door', async () => {
  await using setup = await settled(['web'])
  assert.equal((await send(setup, push('d2', { before: R1, after: R2 }), 'web')).notAffected, undefined)
  assert.equal((await send(setup, push('d1'), 'web')).notAffected, undefined)
  assert.deepEqual(await syncs(setup), ['web'])
})

test('a hundred pushes at once that all begin at the same commit: one is answered, the others wake the worker', async () => {
  await using setup = await settled(['web'])
  const pushes = Array.from({ length: 100 }, async (_, index) =>
    send(setup, push(`d${index}`, { after: index.toString(16).padStart(40, 'd') }), 'web'),
  )
  assert.equal((await Promise.all(pushes)).filter(({ notAffected }) => notAffected !== undefined).length, 1)
  assert.deepEqual(await syncs(setup), ['web'])
})

test('while something else is wanted of an application, its pushes are left to the worker', async () => {
  await using setup = await settled(['web'])
  await setup.intake.acceptTrigger(targetOf('web'), trigger('manual'))
  assert.equal((await send(setup, push('d1'), 'web')).notAffected, undefined)
})

test('what was read before the application was configured otherwise says nothing', async () => {
  await using setup = await settled(['web'])
  await publishRead(setup.connections.producer, 'prod', 'web', { revision: R0, set: { ...setOf('web'), path: 'elsewhere' } })
  assert.equal((await send(setup, push('d1'), 'web')).notAffected, undefined)
})

test('what was taken back says nothing: a sync that failed, or an application that was rolled back', async () => {
  await using setup = await settled(['web'])
  await publishRead(setup.connections.producer, 'prod', 'web', undefined)
  assert.equal((await send(setup, push('d1'), 'web')).notAffected, undefined)
})

test('after a failure that was given up, what was read before says nothing: a worker looks at the cluster', async () => {
  await using setup = await settled(['web'])
  const worker = setup.work({ configuration: () => withRetries(setup, 0), run: async (job) => resultOf(job, failed(true)) })
  await setup.intake.acceptTrigger(targetOf('web'), trigger('drift'))
  await worker.drained(AbortSignal.timeout(60_000))
  await worker.close()
  assert.equal((await send(setup, push('d1'), 'web')).notAffected, undefined)
  assert.deepEqual(await syncs(setup), ['web'])
})

test('where a repository is polled rarely, nothing is concluded from a list of files', async () => {
  await using setup = await settled(['web'])
  const repository = setup.configuration.repositories.get('shop')
  assert.ok(repository)
  Object.assign(repository, { pollIntervalMs: 3_600_000 })
  assert.equal((await send(setup, push('d1'), 'web')).notAffected, undefined)
})

test('after FLUSHALL nothing is known to have been read, and every push wakes its applications', async () => {
  await using setup = await settled(['web'])
  await setup.redis.client.flushall()
  assert.equal((await send(setup, push('d1'), 'web')).notAffected, undefined)
  assert.deepEqual(await syncs(setup), ['web'])
})
