import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SyncResult } from '../../src/model/result.ts'
import { createHeadHistory } from '../../src/queue/heads.ts'
import { standsFor } from '../../src/record/revision.ts'
import { resultOf, setUp, targetOf, trigger } from '../queue/setup.ts'
import { openBooks } from './books.ts'

const [a = '', b = '', c = '', stray = ''] = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(40))
const api = targetOf('api')

test('a result answers for its own commit and for every head that the branch had before it', () => {
  const heads = [c, b, a]
  for (const [rendered, revision, expected] of [
    [b, b, true],
    [c, a, true],
    [c, b, true],
    [a, b, false],
    [a, stray, false],
    [stray, a, false],
    [stray, stray, true],
    [undefined, a, false],
  ] as const)
    assert.equal(standsFor(rendered, revision, heads), expected, `${rendered} for ${revision}`)
})

test('who waits for a commit is not answered by the head before it, but by it or by a later one', async () => {
  await using setup = await setUp()
  await using books = openBooks(setup)
  const heads = createHeadHistory(setup.connections.producer, 'prod')
  let head = a
  setup.work({
    run: async (job) => {
      await heads.admit('shop', 'refs/heads/main', head, { application: 'api', named: true })
      return resultOf(job, { revision: head })
    },
  })
  const early = await setup.intake.acceptTrigger(api, trigger('manual', { revision: b }))
  const forB = books.ledger.waitForRevision(early, b, AbortSignal.timeout(30_000))
  assert.equal((await books.ledger.waitFor(early, AbortSignal.timeout(30_000)))?.revision, a, 'the push is not there yet')
  head = b
  await setup.intake.acceptTrigger(api, trigger('push', { revision: b }))
  assert.equal((await forB)?.revision, b)
  assert.equal((await books.ledger.commit(b)).applications[0]?.state, 'synced')

  head = c
  const late = await setup.intake.acceptTrigger(api, trigger('manual', { revision: b }))
  assert.equal((await books.ledger.waitForRevision(late, b, AbortSignal.timeout(30_000)))?.revision, c)
  assert.equal(await books.ledger.waitForRevision(late, stray, AbortSignal.timeout(300)), undefined)
})

test('who waits for a commit is told at once that the application is stopped, or rolled back', async () => {
  await using setup = await setUp()
  await using books = openBooks(setup)
  const fates: Partial<SyncResult>[] = [
    { outcome: 'suspended', revision: a },
    { revision: a, head: b },
  ]
  setup.work({ run: async (job) => resultOf(job, fates.shift()) })
  for (const expected of ['suspended', 'synced']) {
    const ticket = await setup.intake.acceptTrigger(api, trigger('manual', { revision: b }))
    assert.equal((await books.ledger.waitForRevision(ticket, b, AbortSignal.timeout(30_000)))?.outcome, expected)
  }
})
