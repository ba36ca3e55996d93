import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Application, Configuration } from '../../src/model/configuration.ts'
import type { HealthStatus } from '../../src/model/health.ts'
import type { SyncJob } from '../../src/model/job.ts'
import { clusterKeys } from '../../src/model/keys.ts'
import type { SyncResult } from '../../src/model/result.ts'
import { createIntake } from '../../src/queue/accept.ts'
import { readWaiting } from '../../src/queue/dependency-facts.ts'
import type { RunSync } from '../../src/queue/run.ts'
import { publishStatus } from '../../src/queue/status.ts'
import { createDependencies, waitsFor, type Dependencies } from '../../src/roles/dependencies.ts'
import { configurationOf, delivery, failed, resultOf, setUp, silent, trigger } from '../queue/setup.ts'
import { until } from '../queue/until.ts'
import { openBooks } from '../record/books.ts'

const NEVER = { firstMs: 3_600_000, mostMs: 3_600_000 }
const BACKOFF = { retryable: NEVER, refused: NEVER }
const ONE = '1'.repeat(40)
const TWO = '2'.repeat(40)

/** Where each application lives, and what it depends on: `{web: {cluster: 'edge', dependsOn: ['api']}}`. */
type Shape = Readonly<Record<string, { readonly cluster?: string; readonly dependsOn?: readonly string[] }>>

function configure(shape: Shape): Configuration {
  const clusters = [...new Set(Object.values(shape).map(({ cluster = 'prod' }) => cluster))]
  const base = configurationOf(Object.keys(shape))
  const applications = new Map<string, Application>(
    [...base.applications.values()].map((one) => {
      const { cluster = 'prod', dependsOn = [] } = shape[one.name] ?? {}
      return [one.name, { ...one, dependsOn, destination: { ...one.destination, cluster } }]
    }),
  )
  return { ...base, applications, clusters: configurationOf([], clusters).clusters }
}

/** A worker process for each cluster, each with a connection of its own; what a sync ends with is given, the head of the branch can be moved. */
async function open(
  shape: Shape,
  run: (job: SyncJob) => Promise<Partial<SyncResult>>,
  /** Keys that the worker of a cluster may touch, as Redis' ACL writes them; all for the others. */
  keys: Readonly<Record<string, readonly string[]>> = {},
) {
  const setup = await setUp(Object.keys(shape))
  const configuration = configure(shape)
  const branch = { head: ONE }
  const ran: string[] = []
  const dependencies = new Map<string, Dependencies>()
  for (const cluster of configuration.clusters.keys()) {
    const rights = keys[cluster]
    if (rights !== undefined) await setup.redis.each((server) => server.acl('SETUSER', cluster, 'on', '>secret', '+@all', '&*', ...rights))
    const connections = setup.connect(rights === undefined ? undefined : { user: cluster, password: 'secret' })
    const redis = connections.producer
    const intake = createIntake({ redis, queues: connections.queues, configuration: () => configuration, log: silent })
    const own = createDependencies({ configuration: () => configuration, redis, intake, log: silent })
    dependencies.set(cluster, own)
    const sync: RunSync = async (job) => {
      const application = configuration.applications.get(job.application)
      assert.ok(application)
      const revision = branch.head
      let blockers = await own.early(application, job)
      if (blockers.length === 0) blockers = await own.blockers(application, revision)
      const rest = { cluster, revision }
      const result =
        blockers.length === 0
          ? resultOf(job, { ...rest, ...(await run(job)) })
          : resultOf(job, { ...rest, outcome: 'waiting', message: 'waits', waiting: waitsFor(blockers) })
      ran.push(`${job.application} ${result.outcome}`)
      return result
    }
    setup.work({ cluster, connections, configuration: () => configuration, run: sync, backoff: BACKOFF, onResult: own.ended })
  }
  const targets = (names: readonly string[]) =>
    names.map((name) => ({ application: name, cluster: shape[name]?.cluster ?? 'prod', repository: 'shop' }))
  return {
    setup,
    configuration,
    branch,
    ran,
    dependencies,
    push: async (...names: readonly string[]) => setup.intake.acceptTriggers(targets(names), trigger()),
    targets,
    why: async (name: string) =>
      (await readWaiting(setup.connections.producer, shape[name]?.cluster ?? 'prod', name).catch(() => undefined))?.why ?? '',
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...dependencies.values()].map(async (one) => one.settled()))
      await setup[Symbol.asyncDispose]()
    },
  }
}

const PAIR: Shape = { web: { dependsOn: ['api'] }, api: {} }

test('what one push brings for both is applied first where the other depends on it, which waits without a run and is shown so', async () => {
  const release = Promise.withResolvers<void>()
  await using scene = await open(PAIR, async ({ application }) => {
    if (application === 'api') await release.promise
    return {}
  })
  const { setup, configuration, ran } = scene
  const redis = setup.connections.producer
  await using books = openBooks({ ...setup, configuration })
  const { ledger } = books
  await setup.intake.acceptDelivery(delivery('d1', ONE), scene.targets(['web', 'api']), trigger())
  await until(async () => (await ledger.status('web'))?.sync === 'waiting')
  assert.deepEqual((await ledger.status('web'))?.waiting?.blockedBy, [{ application: 'api', why: 'is being synced' }])
  assert.equal(await redis.hexists(clusterKeys('prod').application('web'), 'running'), 0)
  const state = async (): Promise<unknown> =>
    (await ledger.delivery('d1'))?.outcomes.map(({ application, state: one }) => `${application} ${one}`)
  assert.deepEqual(await state(), ['web pending', 'api pending'])
  assert.deepEqual(ran, ['web waiting'])
  release.resolve()
  await until(async () => (await ledger.status('web'))?.sync === 'synced')
  assert.deepEqual(ran, ['web waiting', 'api synced', 'web synced'])
  assert.deepEqual(await state(), ['web synced', 'api synced'])
})

test('nothing is applied while what it depends on fails, which is told, and at once when that is mended', async () => {
  let broken = true
  await using scene = await open(PAIR, async ({ application }) => (application === 'api' && broken ? failed(false) : {}))
  await scene.push('web', 'api')
  await until(async () => /api has failed/.test(await scene.why('web')))
  assert.deepEqual(
    scene.ran.filter((line) => line === 'web synced'),
    [],
  )
  broken = false
  await scene.push('api')
  await until(() => scene.ran.includes('web synced'))
  assert.equal(await scene.why('web'), '')
})

test('one in another cluster is woken by that cluster’s worker, and asked for a commit that it has not heard of', async () => {
  await using scene = await open({ web: { cluster: 'edge', dependsOn: ['api'] }, api: { cluster: 'prod' } }, async () => ({}))
  await scene.push('api')
  await until(() => scene.ran.includes('api synced'))
  // The webhook reached only one of the two.
  scene.branch.head = TWO
  await scene.push('web')
  await until(() => scene.ran.includes('web synced'))
  assert.deepEqual(scene.ran, ['api synced', 'web waiting', 'api synced', 'web synced'])
})

test('one whose dependency has moved on meanwhile is not kept for ever', async () => {
  const heads = [TWO, ONE]
  await using scene = await open(PAIR, async ({ application }) => (application === 'api' ? { revision: heads.shift() ?? TWO } : {}))
  await scene.push('api')
  await until(() => scene.ran.length === 1)
  // Its mirror shows this one still ONE, and the dependency answers with a newer commit each time.
  heads.splice(0, heads.length, TWO, TWO, TWO)
  await scene.push('web')
  await until(() => scene.ran.includes('web synced'))
  assert.deepEqual(scene.ran, ['api synced', 'web waiting', 'api synced', 'web synced'])
})

test('health that comes late, and an event that is lost with its process, are made up for by the next look', async () => {
  await using scene = await open(PAIR, async () => ({}))
  const redis = scene.setup.connections.producer
  const publish = async (health: HealthStatus): Promise<void> =>
    publishStatus(redis, 'prod', 'api', { applied: { revision: ONE, at: 1 }, head: { revision: ONE, seenAt: 1 }, health })
  await publish('in progress')
  await scene.push('web')
  await until(async () => (await scene.why('web')) === 'api is not healthy: in progress')
  await publish('failed')
  scene.dependencies.get('prod')?.lookAgain('prod')
  await until(async () => (await scene.why('web')) === 'api is not healthy: failed')
  assert.deepEqual(scene.ran, ['web waiting'])
  // By a worker that was killed before it could wake anybody.
  await publish('current')
  scene.dependencies.get('prod')?.lookAgain('prod')
  await until(() => scene.ran.includes('web synced'))
})

test('a worker that may only read the other cluster waits until that one has heard of the commit by itself', async () => {
  const shape: Shape = { web: { cluster: 'edge', dependsOn: ['api'] }, api: { cluster: 'prod' } }
  await using scene = await open(shape, async () => ({}), { edge: ['~{gitwake:edge}*', '%R~{gitwake:prod}*'] })
  await scene.push('api')
  await until(() => scene.ran.includes('api synced'))
  scene.branch.head = TWO
  await scene.push('web')
  await until(async () => (await scene.why('web')) === 'api has not heard of 222222222222 yet')
  await scene.push('api')
  await until(() => scene.ran.includes('web synced'))
  assert.deepEqual(scene.ran, ['api synced', 'web waiting', 'api synced', 'web synced'])
})

test('a flushed Redis keeps nobody waiting', async () => {
  const release = Promise.withResolvers<void>()
  let first = true
  await using scene = await open(PAIR, async ({ application }) => {
    if (application === 'api' && first) {
      first = false
      await release.promise
    }
    return {}
  })
  await scene.push('web', 'api')
  await until(() => scene.ran.includes('web waiting'))
  await scene.setup.connections.producer.flushall()
  release.resolve()
  // What a worker does that finds nothing remembered.
  await scene.push('web', 'api')
  await until(() => scene.ran.includes('web synced'))
})

test('two hundred that wait for one are woken once each', async () => {
  const names = Array.from({ length: 200 }, (_, index) => `app-${index}`)
  const release = Promise.withResolvers<void>()
  const shape: Shape = { base: {}, ...Object.fromEntries(names.map((name) => [name, { dependsOn: ['base'] }])) }
  await using scene = await open(shape, async ({ application }) => {
    if (application === 'base') await release.promise
    return {}
  })
  await scene.push('base', ...names)
  await until(() => scene.ran.filter((line) => line.endsWith('waiting')).length === names.length)
  release.resolve()
  await until(() => scene.ran.filter((line) => line.endsWith('synced')).length === names.length + 1)
  assert.equal(scene.ran.length, 2 * names.length + 1)
})
