import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clusterKeys, receiverKeys } from '../../src/model/keys.ts'
import type { AuditEvent } from '../../src/model/audit.ts'
import type { SyncReason } from '../../src/model/job.ts'
import type { SyncResult } from '../../src/model/result.ts'
import type { RunSync } from '../../src/queue/run.ts'
import { rememberOrphans } from '../../src/queue/orphans.ts'
import { publishStatus } from '../../src/queue/status.ts'
import { delivery, failed, resultOf, setUp, targetOf, trigger } from '../queue/setup.ts'
import { until } from '../queue/until.ts'
import { sampleChange } from '../web/samples.ts'
import { openBooks } from './books.ts'

const api = targetOf('api')
const soon = { retryable: { firstMs: 50, mostMs: 50 }, refused: { firstMs: 3_600_000, mostMs: 3_600_000 } }

const inOrder = (...outcomes: readonly Partial<SyncResult>[]): RunSync => {
  let runs = 0
  return async (job) => resultOf(job, outcomes[(runs += 1) - 1] ?? {})
}

test('who waits for a ticket gets the first final answer: retries and superseded runs keep waiting', async () => {
  await using setup = await setUp()
  await using books = openBooks(setup)
  setup.work({ backoff: soon, run: inOrder(failed(true), { outcome: 'superseded' }, { message: 'there' }) })
  const ticket = await setup.intake.acceptTrigger(api, trigger())
  const answer = await books.ledger.waitFor(ticket, AbortSignal.timeout(20_000))
  assert.equal(answer?.message, 'there')
  assert.equal(answer.seen, ticket.wanted)
  const later = await books.ledger.waitFor(ticket, AbortSignal.timeout(20_000))
  assert.deepEqual(later, answer)
  assert.deepEqual(
    (await books.ledger.history('api', 10)).map(({ outcome }) => outcome),
    ['synced', 'superseded', 'failed'],
  )
})

test('an answer that is there already is told to who does not wait, and kept where no age is set', async () => {
  await using setup = await setUp()
  await using books = openBooks(setup, 50, 0)
  setup.work({ backoff: soon, run: inOrder({ message: 'there' }) })
  const ticket = await setup.intake.acceptTrigger(api, trigger())
  assert.equal((await books.ledger.waitFor(ticket, AbortSignal.timeout(20_000)))?.message, 'there')
  const gone = new AbortController()
  const answer = books.ledger.waitFor(ticket, gone.signal)
  gone.abort()
  assert.equal((await answer)?.message, 'there')
  assert.equal((await books.ledger.history('api', 10)).length, 1)
})

test('an application that moves to another cluster is not answered by what it did in the one before', async () => {
  await using setup = await setUp()
  await using books = openBooks(setup)
  setup.work({ run: inOrder({}) })
  const before = await setup.intake.acceptTrigger(api, trigger())
  assert.equal((await books.ledger.waitFor(before, AbortSignal.timeout(20_000)))?.outcome, 'synced')
  const moved = { ...before, cluster: 'elsewhere', wanted: before.wanted - 5 }
  assert.equal(await books.ledger.waitFor(moved, AbortSignal.timeout(100)), undefined)
})

test('an orphan on its way out says so, and why it is still there, until its departure has ended', async () => {
  await using setup = await setUp()
  await using books = openBooks(setup)
  const old = { application: 'old', cluster: 'prod', objects: 1, deletionPolicy: 'orphan', since: 1 } as const
  await rememberOrphans(setup.connections.producer, 'prod', [old, { ...old, application: 'api' }])
  assert.deepEqual(await books.ledger.orphans(), [old], 'what is configured again is none, whatever the last sweep found')
  const problem = { code: 'still-terminating', message: 'it waits for example.org/hold', fix: 'Wait.', retryable: true }
  const runs = Promise.withResolvers<void>()
  setup.work({
    backoff: soon,
    run: async (job) => {
      const shown = await books.ledger.orphans()
      if (shown[0]?.problem !== undefined) await runs.promise
      return shown[0]?.problem === undefined ? resultOf(job, { outcome: 'failed', problem, finishedAt: Date.now() }) : resultOf(job)
    },
  })
  const target = { application: 'old', cluster: 'prod', repository: '' }
  await setup.intake.depart(target, 'delete', 'ada')
  const ticket = await setup.intake.acceptTrigger(target, trigger())
  await until(async () => (await books.ledger.orphans())[0]?.problem !== undefined)
  const { message, fix } = problem
  assert.deepEqual(await books.ledger.orphans(), [{ ...old, departure: 'delete', problem: { message, fix } }])
  runs.resolve()
  await books.ledger.waitFor(ticket, AbortSignal.timeout(20_000))
  assert.deepEqual(await books.ledger.orphans(), [old])
})

test('a commit that is at fault answers who waits, at once', async () => {
  await using setup = await setUp()
  await using books = openBooks(setup)
  setup.work({ backoff: soon, run: inOrder(failed(false)) })
  const ticket = await setup.intake.acceptTrigger(api, trigger())
  assert.equal((await books.ledger.waitFor(ticket, AbortSignal.timeout(20_000)))?.outcome, 'failed')
  assert.equal((await books.ledger.status('api'))?.sync, 'failed')
})

test('a wait ends with its signal and without an answer', async () => {
  await using setup = await setUp()
  await using books = openBooks(setup)
  const ticket = await setup.intake.acceptTrigger(api, trigger())
  assert.equal(await books.ledger.waitFor(ticket, AbortSignal.timeout(100)), undefined)
})

test('every delivery ends in exactly one outcome per application', async () => {
  await using setup = await setUp(['api', 'web'])
  await using books = openBooks(setup)
  const [old, newer] = ['a', 'b'].map((letter) => letter.repeat(40))
  const both = [api, targetOf('web')]
  await setup.intake.acceptDelivery(delivery('d1', old), both, trigger('push', { revision: old ?? '' }))
  const pending = await books.ledger.delivery('d1')
  assert.deepEqual(
    pending?.outcomes.map(({ application, state }) => `${application} ${state}`),
    ['api pending', 'web pending'],
  )
  const { tickets } = await setup.intake.acceptDelivery(delivery('d2', newer), [api], trigger())
  setup.work({ run: async (job) => resultOf(job, { revision: job.application === 'api' ? newer : old }) })
  for (const ticket of tickets) await books.ledger.waitFor(ticket, AbortSignal.timeout(20_000))
  await until(async () => (await books.ledger.delivery('d1'))?.outcomes.every(({ state }) => state !== 'pending') ?? false)
  const [first, second] = [await books.ledger.delivery('d1'), await books.ledger.delivery('d2')]
  assert.deepEqual(
    first?.outcomes.map(({ application, state }) => `${application} ${state}`),
    ['api superseded', 'web synced'],
  )
  assert.deepEqual(
    second?.outcomes.map(({ state, revision }) => [state, revision]),
    [['synced', newer]],
  )
  assert.equal(second.actor, 'ada')
  assert.equal(await books.ledger.delivery('unheard-of'), undefined)
})

test('a delivery for an application that was removed says so', async () => {
  await using setup = await setUp()
  await using books = openBooks(setup)
  await setup.intake.acceptDelivery(delivery('d1'), [targetOf('gone')], trigger())
  assert.deepEqual(
    (await books.ledger.delivery('d1'))?.outcomes.map(({ state }) => state),
    ['unknown application'],
  )
})

test('a delivery that asked for nothing says why', async () => {
  await using setup = await setUp()
  await using books = openBooks(setup)
  await setup.intake.acceptDelivery({ ...delivery('d1'), ignored: 'nobody listens' }, [], trigger())
  assert.equal((await books.ledger.delivery('d1'))?.ignored, 'nobody listens')
})

test('one event that comes to several webhooks under one id is told whole', async () => {
  await using setup = await setUp(['api', 'web'])
  await using books = openBooks(setup)
  const common = delivery('d1')
  await setup.intake.acceptDelivery(common, [api], trigger())
  await setup.intake.acceptDelivery({ ...common, repository: 'web' }, [targetOf('web')], trigger())
  const { duplicate } = await setup.intake.acceptDelivery({ ...common, repository: 'empty', ignored: 'nobody listens' }, [], trigger())
  const again = await setup.intake.acceptDelivery({ ...common, repository: 'both' }, [api, targetOf('web')], trigger())
  const told = await books.ledger.delivery('d1')
  assert.deepEqual([duplicate, again.duplicate], [false, true])
  assert.equal(told?.ignored, undefined)
  assert.deepEqual(told?.outcomes.map(({ application }) => application).sort(), ['api', 'web'])
  await setup.intake.acceptDelivery(delivery('d1', 'b'.repeat(40), 'another body'), [api], trigger())
  assert.deepEqual((await books.ledger.delivery('d1'))?.outcomes.map(({ application }) => application).sort(), ['api', 'api', 'web'])
})

test('the history is bounded, newest first, and the same outcome folded twice is one', async () => {
  await using setup = await setUp()
  const results = Array.from({ length: 12 }, (_, index) =>
    resultOf({ application: 'api', reason: 'push', seen: index + 1, triggers: [] }, { finishedAt: Date.now() - 1_000 + index }),
  )
  for (const result of results) await setup.redis.client.xadd(clusterKeys('prod').outcomes, '*', 'result', JSON.stringify(result))
  await setup.redis.client.xadd(clusterKeys('prod').outcomes, '*', 'result', 'not JSON')
  {
    await using books = openBooks(setup, 5)
    await until(async () => (await books.ledger.history('api', 1))[0]?.seen === 12)
  }
  await setup.redis.client.del(receiverKeys.cursors)
  await using again = openBooks(setup, 5)
  await until(async () => (await setup.redis.client.hget(receiverKeys.cursors, 'prod')) !== null)
  assert.deepEqual(
    (await again.ledger.history('api', 100)).map(({ seen }) => seen),
    [12, 11, 10, 9, 8],
  )
  assert.equal((await again.ledger.history('api', 2)).length, 2)
})

test('looks that find nothing take the place of one another, so that they wash nothing out of the history or the audit log', async () => {
  await using setup = await setUp()
  const result = (reason: SyncReason, seen: number, more: Partial<SyncResult> = {}) =>
    resultOf({ application: 'api', reason, seen, triggers: [] }, { finishedAt: Date.now() - 1_000 + seen, ...more })
  const results = [
    result('push', 1),
    result('drift', 2),
    result('drift', 3),
    result('drift', 4, { changes: [sampleChange({ action: 'configured' })] }),
    result('drift', 5),
    result('manual', 6),
    result('drift', 7),
    result('drift', 8),
    result('drift', 9, failed(true)),
  ]
  for (const each of results) await setup.redis.client.xadd(clusterKeys('prod').outcomes, '*', 'result', JSON.stringify(each))
  const audited: AuditEvent[] = []
  for (let times = 0; times < 2; times += 1) {
    await using books = openBooks(setup, 50, 3_600_000, async ({ events }) => void audited.push(...events.map(({ event }) => event)))
    await until(async () => (await setup.redis.client.hget(receiverKeys.cursors, 'prod')) !== null)
    assert.deepEqual(
      (await books.ledger.history('api', 100)).map(({ seen }) => seen),
      [9, 8, 6, 5, 4, 3, 1],
    )
    assert.deepEqual(
      audited.map(({ detail }) => detail['ticket']),
      [1, 4, 6, 9],
    )
    audited.length = 0
    await setup.redis.client.del(receiverKeys.cursors)
  }
})

test('commits that concern nothing do not push deployments out of the history, and each still has its answer', async () => {
  await using setup = await setUp()
  const revisionOf = (seen: number): string => seen.toString(16).padStart(40, '0')
  const result = (seen: number, more: Partial<SyncResult> = {}) =>
    resultOf(
      { application: 'api', reason: 'push', seen, triggers: [] },
      { finishedAt: Date.now() - 1_000 + seen, revision: revisionOf(seen), ...more },
    )
  const unaffected = { outcome: 'not affected' } as const
  const results = [
    result(1),
    ...[2, 3, 4, 5].map((seen) => result(seen, unaffected)),
    result(6, { reason: 'drift' }),
    ...[7, 8].map((seen) => result(seen, unaffected)),
    result(9),
    result(10, unaffected),
  ]
  for (const each of results) await setup.redis.client.xadd(clusterKeys('prod').outcomes, '*', 'result', JSON.stringify(each))
  await using books = openBooks(setup, 5)
  await until(async () => (await books.ledger.history('api', 1))[0]?.seen === 10)
  assert.deepEqual(
    (await books.ledger.history('api', 100)).map(({ seen }) => seen),
    [10, 9, 8, 6, 1],
  )
  for (const seen of [2, 5, 7])
    assert.deepEqual(
      (await books.ledger.commit(revisionOf(seen))).applications.map(({ state }) => state),
      ['superseded'],
    )
  const answerTo = async (wanted: number) =>
    (await books.ledger.waitFor({ application: 'api', cluster: 'prod', wanted }, AbortSignal.timeout(20_000)))?.seen
  assert.deepEqual([await answerTo(3), await answerTo(7), await answerTo(10)], [6, 8, 10], 'by the first that is still told')
})

test('an application that is unhealthy says why, also where the last commit did not concern it', async () => {
  await using setup = await setUp()
  await using books = openBooks(setup)
  const object = { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'api' }
  const sick = { object, status: 'failed', message: 'CrashLoopBackOff', log: ['no table'] } as const
  const health = { status: 'failed', objects: [sick, { ...sick, status: 'current' }] } as const
  const unaffected = { outcome: 'not affected', health: { status: 'failed', objects: [] } } as const
  setup.work({ run: inOrder({ health }, unaffected, {}) })
  for (const [outcome, unhealthy] of [
    ['synced', [sick]],
    ['not affected', [sick]],
    ['synced', undefined],
  ] as const) {
    await books.ledger.waitFor(await setup.intake.acceptTrigger(api, trigger()), AbortSignal.timeout(20_000))
    const status = await books.ledger.status('api')
    assert.deepEqual([status?.lastResult?.outcome, status?.unhealthy], [outcome, unhealthy])
  }
})

test('a status tells what is queued, what runs, what is applied and since when a commit waits', async () => {
  await using setup = await setUp()
  await using books = openBooks(setup)
  const status = async () => (await books.ledger.statuses())[0]
  assert.equal((await status())?.sync, 'unknown')
  const release = Promise.withResolvers<void>()
  const ticket = await setup.intake.acceptTrigger(api, trigger())
  assert.equal((await status())?.sync, 'queued')
  assert.ok((await status())?.unappliedSince)
  setup.work({ run: async (job) => (await release.promise, resultOf(job)) })
  await until(async () => (await status())?.sync === 'syncing')
  release.resolve()
  await books.ledger.waitFor(ticket, AbortSignal.timeout(20_000))
  const done = await status()
  assert.equal(done?.sync, 'synced')
  assert.equal(done.applied?.revision, 'a'.repeat(40))
  assert.equal(done.unappliedSince, undefined)
  assert.equal(done.wanted, done.done)
})

test('after FLUSHALL the status is what the sweep publishes again, and answers go on', async () => {
  await using setup = await setUp()
  await using books = openBooks(setup)
  setup.work({ run: async (job) => resultOf(job) })
  await books.ledger.waitFor(await setup.intake.acceptTrigger(api, trigger()), AbortSignal.timeout(20_000))
  await setup.redis.each((server) => server.flushall())
  assert.equal((await books.ledger.status('api'))?.sync, 'unknown')
  const applied = { revision: 'c'.repeat(40), at: Date.now() }
  await publishStatus(setup.connections.producer, 'prod', 'api', { applied, health: 'current', drift: [] })
  const restored = await books.ledger.status('api')
  assert.deepEqual([restored?.sync, restored?.health, restored?.applied], ['synced', 'current', applied])
  const ticket = await setup.intake.acceptTrigger(api, trigger())
  assert.equal((await books.ledger.waitFor(ticket, AbortSignal.timeout(20_000)))?.outcome, 'synced')
})

test('a ledger without Redis says so instead of waiting', async () => {
  await using setup = await setUp()
  await using books = openBooks(setup)
  await setup.redis.kill()
  await assert.rejects(books.ledger.statuses(), { code: 'redis-unavailable' })
  await setup.redis.restart()
})
