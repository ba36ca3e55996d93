import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { CommitPlace } from '../../src/model/commit.ts'
import { receiverKeys } from '../../src/model/keys.ts'
import type { SyncResult } from '../../src/model/result.ts'
import { publishStatus } from '../../src/queue/status.ts'
import { placeOf, type PlaceFacts } from '../../src/record/commits/place.ts'
import type { CommitNote } from '../../src/record/commits/note.ts'
import { delivery, failed, resultOf, type Setup, setUp, targetOf, trigger } from '../queue/setup.ts'
import { until } from '../queue/until.ts'
import { sampleChange, sampleStatus } from '../web/samples.ts'
import { type Books, openBooks } from './books.ts'

const [first = '', second = '', third = ''] = ['a', 'b', 'c'].map((letter) => letter.repeat(40))
const slow = { retryable: { firstMs: 3_600_000, mostMs: 3_600_000 }, refused: { firstMs: 3_600_000, mostMs: 3_600_000 } }

const tell = async (books: Books, revision: string): Promise<readonly string[]> =>
  (await books.ledger.commit(revision)).applications.map(({ application, state }) => `${application} ${state}`)

async function push(setup: Setup, id: string, revision: string, applications: readonly string[]) {
  const targets = applications.map((name) => targetOf(name))
  return (await setup.intake.acceptDelivery(delivery(id, revision), targets, trigger('push', { revision }))).tickets
}

async function answered(books: Books, tickets: Awaited<ReturnType<typeof push>>): Promise<void> {
  for (const ticket of tickets) assert.ok(await books.ledger.waitFor(ticket, AbortSignal.timeout(30_000)))
}

describe('a commit', () => {
  test('is told of every application of its repository, from its push to its successor', async () => {
    await using setup = await setUp(['api', 'web'])
    await using books = openBooks(setup)
    const pushed = await push(setup, 'd1', first, ['api', 'web'])
    assert.deepEqual(await tell(books, first), ['api queued', 'web queued'])
    let outcomes: Readonly<Record<string, Partial<SyncResult>>> = {
      api: { changes: [sampleChange({})], counts: { configured: 1, unchanged: 4 }, revision: first },
      web: { outcome: 'not affected', revision: first },
    }
    setup.work({ backoff: slow, run: async (job) => resultOf(job, outcomes[job.application]) })
    await answered(books, pushed)
    assert.deepEqual(await tell(books, first), ['api synced', 'web not affected'])
    const [api] = (await books.ledger.commit(first)).applications
    assert.deepEqual(
      api?.objects.map(({ object, action }) => `${action} ${object.name}`),
      ['configured api'],
    )
    assert.equal(api.health, 'current')

    outcomes = { api: { revision: second, changes: [] } }
    await answered(books, await push(setup, 'd2', second, ['api']))
    const [before, untouched] = (await books.ledger.commit(first)).applications
    assert.deepEqual([before?.state, before?.supersededBy, before?.objects.length], ['superseded', second, 1])
    assert.equal(untouched?.state, 'not affected')
    assert.deepEqual(await tell(books, second), ['api synced', 'web unknown'])
  })

  test('that fails says why, and gives way to its fix', async () => {
    await using setup = await setUp()
    await using books = openBooks(setup)
    const refused = sampleChange({ action: 'failed', reason: 'spec.replcias is unknown', fix: 'Correct it.' })
    const results = [{ ...failed(true), revision: first }, { ...failed(false), revision: first, changes: [refused] }, { revision: second }]
    setup.work({ backoff: slow, run: async (job) => resultOf(job, results.shift()) })
    await push(setup, 'd1', first, ['api'])
    await until(async () => (await tell(books, first))[0] === 'api waiting')
    await setup.intake.acceptTrigger(targetOf('api'), trigger('manual'))
    await until(async () => (await tell(books, first))[0] === 'api failed')
    const [api] = (await books.ledger.commit(first)).applications
    assert.deepEqual(api?.objects, [{ object: refused.object, action: 'failed', reason: refused.reason, fix: 'Correct it.' }])
    await answered(books, await push(setup, 'd2', second, ['api']))
    await until(async () => (await tell(books, first))[0] === 'api superseded')
  })

  test('that the worker passed over for a newer head is superseded by that', async () => {
    await using setup = await setUp()
    await using books = openBooks(setup)
    await push(setup, 'd1', first, ['api'])
    await push(setup, 'd2', second, ['api'])
    assert.deepEqual([...(await tell(books, first)), ...(await tell(books, second))], ['api queued', 'api queued'])
    setup.work({ run: async (job) => resultOf(job, { revision: second }) })
    await until(async () => (await tell(books, second))[0] === 'api synced')
    const [api] = (await books.ledger.commit(first)).applications
    assert.deepEqual([api?.state, api?.supersededBy], ['superseded', second])
    assert.match(api?.message ?? '', /never applied/)
  })

  test('is found by its first digits, where no other begins with them; also when it is only announced or only in a cluster', async () => {
    await using setup = await setUp()
    await using books = openBooks(setup)
    const twin = `${'a'.repeat(39)}b`
    await push(setup, 'd1', first, ['api'])
    assert.deepEqual(await books.ledger.commits('aaaaaaa'), [first])
    await publishStatus(setup.connections.producer, 'prod', 'api', { applied: { revision: twin, at: 5 } })
    assert.deepEqual(await books.ledger.commits('aaaaaaa'), [first, twin])
    assert.deepEqual(await books.ledger.commits(twin), [twin])
    assert.deepEqual(await books.ledger.commits('fffffff'), [])
  })

  test('is known from the inventories after FLUSHALL', async () => {
    await using setup = await setUp(['api', 'web'])
    await using books = openBooks(setup)
    await publishStatus(setup.connections.producer, 'prod', 'api', { applied: { revision: third, at: 7 }, health: 'current' })
    const [api, web] = (await books.ledger.commit(third)).applications
    assert.deepEqual([api?.state, api?.since, api?.health], ['synced', 7, 'current'])
    assert.equal(web?.state, 'unknown')
    assert.deepEqual((await books.ledger.commit(first)).applications, [])
  })

  test('keeps its state whichever result is folded last, and the oldest are forgotten', async () => {
    await using setup = await setUp()
    const now = Date.now()
    const job = { application: 'api', reason: 'push', triggers: [], seen: 1 } as const
    const tried = resultOf(job, { ...failed(true), revision: third, finishedAt: now - 11_000 })
    const synced = [first, second, third].map((revision, index) => resultOf(job, { revision, finishedAt: now - 10_000 + index }))
    const results = [tried, ...synced]
    const old = resultOf(job, { revision: 'd'.repeat(40), finishedAt: now - 7_200_000 })
    for (const result of [...results, ...results.toReversed(), old])
      await setup.redis.client.xadd('{gitwake:prod}:outcomes', '*', 'result', JSON.stringify(result))
    await using books = openBooks(setup)
    await publishStatus(setup.connections.producer, 'prod', 'api', { applied: { revision: third, at: now } })
    await until(async () => (await setup.redis.client.hget(receiverKeys.cursors, 'prod')) !== null)
    const places = await Promise.all([first, second, third].map(async (one) => (await books.ledger.commit(one)).applications[0]))
    assert.deepEqual(
      places.map((place) => [place?.state, place?.supersededBy]),
      [
        ['superseded', second],
        ['superseded', third],
        ['synced', undefined],
      ],
    )
    assert.deepEqual(await books.ledger.commits('d'.repeat(7)), [])
    assert.equal(await setup.redis.client.exists(receiverKeys.commit('d'.repeat(40))), 0)
  })
})

const note = (fields: Partial<CommitNote>): CommitNote => ({
  at: 100,
  seen: 1,
  outcome: 'synced',
  message: 'told',
  retryable: false,
  objects: [],
  ...fields,
})
const elsewhere = sampleStatus({ applied: { revision: second, at: 150 } })
const here = sampleStatus({ applied: { revision: first, at: 150 } })
const open = { ticket: 3, at: 50, isNewest: true }

const cases: readonly (readonly [string, Omit<PlaceFacts, 'revision'>, Partial<CommitPlace>])[] = [
  [
    'held, with its ticket',
    { status: elsewhere, last: note({ outcome: 'held' }), announced: open },
    { state: 'held', since: 100, ticket: 3 },
  ],
  [
    'syncing again after a failure',
    { status: { ...elsewhere, sync: 'syncing' }, last: note({ outcome: 'failed' }), announced: open },
    { state: 'syncing' },
  ],
  [
    'failed, while a newer commit is being synced',
    { status: { ...elsewhere, sync: 'syncing' }, last: note({ outcome: 'failed' }), announced: { ...open, isNewest: false } },
    { state: 'failed' },
  ],
  [
    'synced, and a sync for it runs again',
    { status: { ...here, sync: 'syncing' }, last: note({}), first: note({}), announced: open },
    { state: 'synced', since: 100 },
  ],
  [
    'synced since the first time, not since the last repair',
    { status: here, last: note({ at: 140 }), first: note({ at: 90 }) },
    { state: 'synced', since: 90 },
  ],
  [
    'synced, since a run that found it there already gave way',
    { status: here, last: note({ at: 140, outcome: 'superseded' }), first: note({ at: 90 }) },
    { state: 'synced' },
  ],
  [
    'failed after it was applied',
    { status: here, last: note({ at: 140, outcome: 'failed' }), first: note({ at: 90 }) },
    { state: 'failed', since: 140 },
  ],
  [
    'synced anew after the branch was set back',
    { status: here, last: note({ at: 140 }), first: note({ at: 90 }), superseded: { at: 120, by: second } },
    { state: 'synced', since: 140 },
  ],
  [
    'superseded although it was announced before',
    { status: elsewhere, superseded: { at: 120, by: second }, announced: open },
    { state: 'superseded', supersededBy: second },
  ],
  [
    'queued anew after it was superseded',
    { status: elsewhere, superseded: { at: 40, by: second }, announced: open },
    { state: 'queued', ticket: 3 },
  ],
  [
    'superseded by what the cluster carries, where nobody noted more',
    { status: elsewhere, first: note({}), last: note({}) },
    { state: 'superseded', supersededBy: second },
  ],
]

describe('what has become of a commit', () => {
  for (const [name, facts, expected] of cases) {
    test(`is: ${name}`, () => {
      const place = placeOf({ revision: first, ...facts })
      assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, Reflect.get(place, key)])), expected)
    })
  }
})
