import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { DeliveryRecord } from '../../src/model/intake.ts'
import type { SyncResult } from '../../src/model/result.ts'
import { delivery, failed, resultOf, setUp, targetOf, trigger } from '../queue/setup.ts'
import { until } from '../queue/until.ts'
import { openBooks } from './books.ts'

const NAMES = ['api', 'web', 'jobs']
/** A commit at fault is tried again only rarely: within a story, never. */
const soon = { retryable: { firstMs: 20, mostMs: 40 }, refused: { firstMs: 3_600_000, mostMs: 3_600_000 } }

const fates: Readonly<Record<string, Partial<SyncResult>>> = {
  synced: {},
  'not affected': { outcome: 'not affected' },
  held: { outcome: 'held' },
  'at fault': failed(false),
  unreachable: failed(true),
  'gave way': { outcome: 'superseded' },
}

/** A push for some applications, delivered so many times; or a delivery of before, once more. */
const step = fc.record({
  again: fc.option(fc.nat({ max: 20 }), { nil: undefined }),
  times: fc.integer({ min: 1, max: 3 }),
  applications: fc.subarray(NAMES),
  pauseMs: fc.nat({ max: 15 }),
})
const story = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 12 }),
  fates: fc.array(fc.constantFrom(...Object.keys(fates)), { maxLength: 20 }),
})

test('every accepted delivery ends in exactly one outcome per application, whatever happens on the way', async () => {
  await using setup = await setUp(NAMES)
  await using books = openBooks(setup, 100_000)
  let head = ''
  let pending: string[] = []
  setup.work({
    backoff: soon,
    run: async (job) => {
      const revision = head
      await new Promise((resolve) => setImmediate(resolve))
      return resultOf(job, { revision, ...fates[pending.shift() ?? 'synced'] })
    },
  })
  let pushes = 0
  const told = async (ids: readonly string[]): Promise<readonly (DeliveryRecord | undefined)[]> =>
    Promise.all(ids.map((id) => books.ledger.delivery(id)))

  await fc.assert(
    fc.asyncProperty(story, async ({ steps, fates: drawn }) => {
      pending = [...drawn]
      const sent: { id: string; revision: string; applications: readonly string[] }[] = []
      for (const { again, times, applications, pauseMs } of steps) {
        const before = again === undefined ? undefined : sent[again]
        const revision = (pushes + 1).toString(16).padStart(40, '0')
        const one = before ?? { id: `d${(pushes += 1)}`, revision, applications }
        if (before === undefined) {
          head = revision
          sent.push(one)
        }
        const targets = one.applications.map((name) => targetOf(name))
        const deliver = () =>
          setup.intake.acceptDelivery(delivery(one.id, one.revision), targets, trigger('push', { revision: one.revision }))
        const accepted = await Promise.all(Array.from({ length: times }, deliver))
        assert.equal(new Set(accepted.map(({ tickets }) => JSON.stringify(tickets))).size, 1)
        await new Promise((resolve) => setTimeout(resolve, pauseMs))
      }
      const ids = sent.map(({ id }) => id)
      await until(async () => (await told(ids)).every((record) => record?.outcomes.every(({ state }) => state !== 'pending') ?? false))
      const records = await told(ids)
      for (const [index, record] of records.entries()) {
        assert.deepEqual(
          record?.outcomes.map(({ application }) => application),
          sent[index]?.applications,
        )
        for (const { state, revision } of record?.outcomes ?? []) {
          assert.ok(['synced', 'not affected', 'held', 'failed', 'superseded'].includes(state), state)
          // The head may have moved on before the worker looked, but no older commit answers for a newer one.
          assert.ok(revision !== undefined && revision >= (sent[index]?.revision ?? ''), `${revision} answers for ${sent[index]?.revision}`)
        }
      }
      // What was told stays told: the next push is about itself.
      await setup.intake.acceptDelivery(
        delivery(`after ${pushes}`),
        NAMES.map((name) => targetOf(name)),
        trigger(),
      )
      await until(async () => (await told([`after ${pushes}`]))[0]?.outcomes.every(({ state }) => state !== 'pending') ?? false)
      assert.deepEqual(await told(ids), records)
    }),
    { numRuns: 12 },
  )
})
