import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Configuration } from '../../src/model/configuration.ts'
import type { Departure } from '../../src/model/departure.ts'
import type { Problem } from '../../src/model/error.ts'
import type { Inventory } from '../../src/model/inventory.ts'
import { clusterKeys } from '../../src/model/keys.ts'
import type { Log } from '../../src/model/log.ts'
import { rememberOrphans } from '../../src/queue/orphans.ts'
import { sayStanding } from '../../src/queue/standing.ts'
import { decodeOrphan } from '../../src/record/decode.ts'
import { createOrphanWatch } from '../../src/roles/orphans.ts'
import { runDeparture } from '../../src/roles/run-departure.ts'
import { emptyInventory } from '../../src/sync/tracking.ts'
import { configurationOf, resultOf, setUp, silent, type Setup } from '../queue/setup.ts'
import { until } from '../queue/until.ts'
import { configMap, openWorkbench, type Subject, type Workbench } from '../sync/workbench.ts'

const WITHOUT = configurationOf(['web'])
const WITH = configurationOf(['web', 'old'])

/** What a sweep would hand over, and clocks that the test moves. */
function watchOver(setup: Setup) {
  let configuration: Configuration = WITHOUT
  let elapsed = 0
  const warned: string[] = []
  const asked: { readonly application: string; readonly departure: Departure }[] = []
  const log: Log = { ...silent, warn: (_fields: object, message: string) => void warned.push(message), child: () => log }
  const watch = createOrphanWatch({
    cluster: 'prod',
    configuration: () => configuration,
    redis: setup.connections.producer,
    intake: {
      ...setup.intake,
      depart: async ({ application }, departure) => void asked.push({ application, departure }),
      acceptTrigger: async ({ application, cluster }) => ({ application, cluster, wanted: 1 }),
    },
    installation: 'gitwake',
    log,
    elapsed: () => elapsed,
    now: Date.now,
  })
  return {
    warned,
    asked,
    sweep: watch.look,
    configure: (next: Configuration) => void (configuration = next),
    pass: (ms: number) => void (elapsed += ms),
    async shown() {
      const texts = await setup.connections.producer.hvals(clusterKeys('prod').orphans)
      return texts.map((text) => decodeOrphan(text)?.application)
    },
  }
}

function inventoryOf(application: string, more: Partial<Inventory> = {}): Inventory {
  return { ...emptyInventory(application, 'gitwake'), appliedAt: '2026-01-01T00:00:00.000Z', cluster: 'prod', ...more }
}
const PRUNE = { deletion: { policy: 'prune' } } as const

describe('an inventory without an application', () => {
  it('is told once with what to do, shown until it is configured again, and stays where nothing else was said', async () => {
    await using setup = await setUp()
    const over = watchOver(setup)
    for (let round = 0; round < 3; round += 1) {
      await over.sweep([inventoryOf('old'), inventoryOf('web')])
      over.pass(3_600_000)
    }
    assert.equal(over.warned.length, 1)
    assert.match(over.warned[0] ?? '', /gitwake detach old leaves the objects, gitwake delete old deletes them/)
    assert.deepEqual(await over.shown(), ['old'])
    assert.deepEqual(over.asked, [])
    over.configure(WITH)
    await over.sweep([inventoryOf('old'), inventoryOf('web')])
    assert.deepEqual(await over.shown(), [])
  })

  it('is deleted where its configuration said so, once it was missing for a minute, and asked for once', async () => {
    await using setup = await setUp()
    const over = watchOver(setup)
    await over.sweep([inventoryOf('old', PRUNE)])
    over.pass(59_000)
    await over.sweep([inventoryOf('old', PRUNE)])
    assert.deepEqual(over.asked, [], 'a folder may be half written')
    over.pass(2_000)
    await over.sweep([inventoryOf('old', PRUNE)])
    await over.sweep([inventoryOf('old', PRUNE)])
    assert.deepEqual(over.asked, [{ application: 'old', departure: 'delete' }])
  })

  it('is none, and is not deleted, while another application goes on with it under a new name', async () => {
    await using setup = await setUp()
    const over = watchOver(setup)
    over.configure(renamedTo('new'))
    for (let round = 0; round < 3; round += 1) {
      await over.sweep([inventoryOf('old', PRUNE)])
      over.pass(3_600_000)
    }
    assert.deepEqual([over.warned, over.asked, await over.shown()], [[], [], []])
  })

  it('begins anew when it was configured in between', async () => {
    await using setup = await setUp()
    const over = watchOver(setup)
    await over.sweep([inventoryOf('old', PRUNE)])
    over.pass(40_000)
    over.configure(WITH)
    await over.sweep([inventoryOf('old', PRUNE)])
    over.configure(WITHOUT)
    over.pass(40_000)
    await over.sweep([inventoryOf('old', PRUNE)])
    assert.deepEqual(over.asked, [])
  })

  const kept: readonly (readonly [string, Inventory, Configuration])[] = [
    ['the configuration has lost everything', inventoryOf('old', PRUNE), configurationOf([])],
    ['another installation wrote it', inventoryOf('old', { ...PRUNE, install: 'other' }), WITHOUT],
    ['somebody applied it a moment ago', inventoryOf('old', { ...PRUNE, appliedAt: new Date().toISOString() }), WITHOUT],
    ['it has moved to another cluster', inventoryOf('old', PRUNE), movedAway()],
    ['it is written from under another name of the cluster', inventoryOf('old', { ...PRUNE, cluster: 'other' }), movedAway()],
  ]
  for (const [why, inventory, configuration] of kept) {
    it(`is never deleted by itself where ${why}`, async () => {
      await using setup = await setUp()
      const over = watchOver(setup)
      over.configure(configuration)
      for (let round = 0; round < 3; round += 1) {
        await over.sweep([inventory])
        over.pass(120_000)
      }
      assert.deepEqual(over.asked, [])
    })
  }
})

function movedAway(): Configuration {
  const [old] = [...WITH.applications.values()].filter(({ name }) => name === 'old')
  if (old === undefined) throw new Error('there is no such application')
  return { ...WITH, applications: new Map([['old', { ...old, destination: { ...old.destination, cluster: 'other' } }]]) }
}

/** Of `old`, in this cluster. */
function renamedTo(name: string, renamedFrom = 'old'): Configuration {
  const [web] = [...WITHOUT.applications.values()]
  if (web === undefined) throw new Error('there is no such application')
  return {
    ...WITHOUT,
    applications: new Map([[name, { ...web, name, renamedFrom, destination: { ...web.destination, cluster: 'prod' } }]]),
  }
}

describe('a departure', () => {
  let bench: Workbench
  before(async () => {
    bench = await openWorkbench()
  })
  after(() => bench.close())

  async function depart(setup: Setup, app: Subject, departure: Departure, configuration: Configuration) {
    const { producer } = setup.connections
    const job = { application: app.application.name, reason: 'manual', seen: 1, triggers: [] } as const
    const control = { signal: AbortSignal.timeout(30_000), superseded: () => Promise.resolve(false) }
    return await runDeparture(job, departure, control, {
      cluster: 'prod',
      configuration: () => configuration,
      redis: producer,
      destinations: { use: (_cluster, work) => work(bench.destination) },
      installation: 'gitwake',
      inventoryNamespace: bench.inventoryNamespace,
      log: silent,
    })
  }

  it('takes out what is not configured, and refuses what is; a suspended one may be detached', async () => {
    await using setup = await setUp()
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    const { name } = app.application
    await app.sync()
    const here = { ...app.application, destination: { ...app.application.destination, cluster: 'prod' } }
    const configured: Configuration = { ...WITHOUT, applications: new Map([[name, here]]) }
    for (const departure of ['detach', 'delete'] as const) {
      const refused = await depart(setup, app, departure, configured)
      assert.deepEqual([refused.outcome, refused.problem?.code], ['failed', 'still-configured'], refused.message)
    }
    await sayStanding(setup.connections.producer, 'prod', name, { suspension: { active: true, by: 'ada', at: 1 } })
    assert.equal((await depart(setup, app, 'delete', configured)).problem?.code, 'still-configured')
    const detached = await depart(setup, app, 'detach', configured)
    assert.equal(detached.outcome, 'synced', detached.message)

    const other = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    await other.sync()
    const orphan = { application: other.application.name, cluster: 'prod', objects: 1, deletionPolicy: 'orphan', since: 1 } as const
    await rememberOrphans(setup.connections.producer, 'prod', [orphan])
    const gone = await depart(setup, other, 'delete', WITHOUT)
    assert.equal(await setup.connections.producer.hlen(clusterKeys('prod').orphans), 0, 'it is listed no longer')
    assert.deepEqual([gone.outcome, gone.counts.pruned], ['synced', 1], gone.message)
  })

  it('is refused to what another application goes on with under a new name', async () => {
    await using setup = await setUp()
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    await app.sync()
    for (const departure of ['detach', 'delete'] as const) {
      const refused = await depart(setup, app, departure, renamedTo('new', app.application.name))
      assert.deepEqual([refused.outcome, refused.problem?.code], ['failed', 'taken-over'], refused.message)
      assert.match(refused.problem?.fix ?? '', /^Sync new; or remove its spec\.renamedFrom/)
    }
  })

  it('reaches the next run of an application that nobody configures, and only that one', async () => {
    await using setup = await setUp(['web'])
    const seen: (Departure | undefined)[] = []
    setup.work({ run: async (job) => (seen.push(job.departure), resultOf(job)) })
    const target = { application: 'old', cluster: 'prod', repository: '' }
    await setup.intake.depart(target, 'detach', 'ada')
    const first = await setup.intake.acceptTrigger(target, { reason: 'manual', at: Date.now() })
    const isDone = async (wanted: number) => Number(await setup.redis.client.hget(clusterKeys('prod').application('old'), 'done')) >= wanted
    await until(() => isDone(first.wanted))
    const second = await setup.intake.acceptTrigger(target, { reason: 'manual', at: Date.now() })
    await until(() => isDone(second.wanted))
    assert.deepEqual(seen, ['detach'], 'without an order, what is not configured is not run')
  })

  const failures: readonly (readonly [string, Partial<Problem>, readonly (Departure | undefined)[]])[] = [
    ['goes on as long as it is tried again, however long that takes', { code: 'still-terminating', retryable: true }, ['delete', 'delete']],
    ['is forgotten where the application is configured after all', { code: 'still-configured', retryable: false }, ['delete', undefined]],
  ]
  for (const [what, problem, departures] of failures) {
    it(what, async () => {
      await using setup = await setUp(['old'])
      const { client } = setup.redis
      const key = clusterKeys('prod').application('old')
      const seen: (Departure | undefined)[] = []
      setup.work({
        backoff: { retryable: { firstMs: 1, mostMs: 1 }, refused: { firstMs: 1, mostMs: 1 } },
        run: async (job) => {
          // As if it had been asked for long ago.
          if (seen.push(job.departure) === 1) await client.hset(key, 'departureUntil', 1)
          const failed = { message: 'm', fix: 'f', code: '', retryable: false, ...problem }
          return seen.length === 1 ? resultOf(job, { outcome: 'failed', problem: failed }) : resultOf(job)
        },
      })
      const target = { application: 'old', cluster: 'prod', repository: '' }
      await setup.intake.depart(target, 'delete', 'ada')
      await setup.intake.acceptTrigger(target, { reason: 'manual', at: Date.now() })
      await until(() => seen.length === 2)
      assert.deepEqual(seen, departures)
    })
  }
})
