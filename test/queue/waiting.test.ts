import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clusterKeys } from '../../src/model/keys.ts'
import type { SyncJob } from '../../src/model/job.ts'
import type { SyncResult } from '../../src/model/result.ts'
import { startFold } from '../../src/record/fold.ts'
import { createLedger } from '../../src/record/ledger.ts'
import { delivery, resultOf, setUp, silent, targetOf, trigger } from './setup.ts'
import { until } from './until.ts'

const api = targetOf('api')
const waits = (until?: number): Partial<SyncResult> => ({
  outcome: 'waiting',
  message: 'waits for a sync window',
  waiting: { for: 'window', why: 'it is day', ...(until !== undefined && { until }) },
})

type Setup = Awaited<ReturnType<typeof setUp>>
const fields = async (setup: Setup): Promise<Readonly<Record<string, number>>> => {
  const all = await setup.redis.client.hgetall(clusterKeys('prod').application('api'))
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, Number(value)]))
}

test('what waits for a window is run when it opens, once, with everything that was pushed meanwhile', async () => {
  await using setup = await setUp()
  const opens = Date.now() + 2_000
  const jobs: SyncJob[] = []
  setup.work({
    ensureIntervalMs: 3_600_000,
    run: async (job) => {
      jobs.push(job)
      return resultOf(job, Date.now() < opens - 250 ? waits(opens) : {})
    },
  })
  await setup.intake.acceptTrigger(api, trigger('push', { revision: 'a'.repeat(40) }))
  await until(async () => ((await fields(setup))['notBefore'] ?? 0) > 0)
  // Who waits has not failed.
  assert.equal((await fields(setup))['attempts'], 0)
  const last = await setup.intake.acceptTrigger(api, trigger('push', { revision: 'b'.repeat(40) }))
  await until(async () => (await fields(setup))['done'] === last.wanted)
  assert.deepEqual(
    jobs.map(({ triggers }) => triggers.length),
    [1, 2, 2],
  )
  assert.ok(Date.now() >= opens - 250)
})

test('drift that is seen meanwhile does not take the place of the commit that waits', async () => {
  await using setup = await setUp()
  const jobs: SyncJob[] = []
  setup.work({ ensureIntervalMs: 50, run: async (job) => (jobs.push(job), resultOf(job, jobs.length === 1 ? waits() : {})) })
  await setup.intake.acceptTrigger(api, trigger('push'))
  await until(async () => ((await fields(setup))['notBefore'] ?? 0) > Date.now())
  await setup.intake.acceptTrigger(api, trigger('drift'))
  assert.equal(jobs.length, 1)
  const byHand = await setup.intake.acceptTrigger(api, trigger('manual'))
  await until(async () => (await fields(setup))['done'] === byHand.wanted)
  assert.deepEqual(
    jobs[1]?.triggers.map(({ reason }) => reason),
    ['push', 'drift', 'manual'],
  )
})

test('the status says what is waited for, and a delivery is pending with the reason', async () => {
  await using setup = await setUp()
  const { producer } = setup.connections
  const fold = startFold({
    redis: producer,
    blocking: setup.connections.blocking,
    clusters: () => ['prod'],
    retention: { results: 50, ageMs: 0 },
    audit: { recordFrom: async () => undefined },
    log: silent,
  })
  const ledger = createLedger({ redis: producer, configuration: () => setup.configuration, fold, placeInLine: async () => undefined })
  try {
    const opens = Date.now() + 3_600_000
    setup.work({ run: async (job) => resultOf(job, waits(opens)) })
    await setup.intake.acceptDelivery(delivery('one'), [api], trigger())
    await until(async () => (await ledger.status('api'))?.sync === 'waiting')
    assert.deepEqual((await ledger.status('api'))?.waiting, { for: 'window', why: 'it is day', until: opens })
    const [outcome] = (await ledger.delivery('one'))?.outcomes ?? []
    assert.deepEqual([outcome?.state, outcome?.message], ['pending', 'waits for a sync window'])
  } finally {
    await fold.close()
  }
})
