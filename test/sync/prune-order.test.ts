import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Destination } from '../../src/sync/ports.ts'
import { until } from '../queue/until.ts'
import { depart } from './departing.ts'
import { annotated, deployment, told, wave, writesOf } from './ordered.ts'
import { configMap, openWorkbench, type Subject, type Workbench } from './workbench.ts'

let bench: Workbench
before(async () => {
  bench = await openWorkbench()
})
after(() => bench.close())

/** Its deletion waits for somebody to let go. */
function holding(name: string, number: number): string {
  const metadata = { name, annotations: wave(number), finalizers: ['example.org/hold'] }
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata })
}

const FILES = { 'database.json': configMap('database', {}), 'kept.json': configMap('kept', {}), 'client.json': holding('client', 1) }
const WITHOUT = { 'database.json': null, 'client.json': null }

function pathOf(app: Subject, name: string): string {
  return `/api/v1/namespaces/${app.namespace}/configmaps/${name}`
}

/** `there`, `leaving` or `gone`. */
async function stateOf(app: Subject, name: string): Promise<string> {
  const { metadata, code } = await bench.api('GET', pathOf(app, name), undefined, { mayFail: true })
  if (code === 404) return 'gone'
  return (metadata as { deletionTimestamp?: string }).deletionTimestamp === undefined ? 'there' : 'leaving'
}

async function letGo(app: Subject, name: string): Promise<void> {
  await bench.api('PATCH', pathOf(app, name), { metadata: { finalizers: null } }, { contentType: 'application/merge-patch+json' })
}

test('an earlier wave is deleted when the later ones are gone, not when they are told to go', async () => {
  const app = await bench.subject(FILES, { healthTimeoutMs: 50_000 })
  assert.equal((await app.sync()).outcome, 'synced')
  await app.repository.commit(WITHOUT)
  const position = await bench.audit.position()
  const syncing = app.sync()
  await until(async () => (await stateOf(app, 'client')) === 'leaving')
  assert.equal(await stateOf(app, 'database'), 'there')
  await letGo(app, 'client')
  const result = await syncing
  assert.deepEqual(result.counts, { unchanged: 1, pruned: 2 }, told(result))
  assert.ok(
    result.changes.every(({ reason }) => !reason.includes('finalizers')),
    told(result),
  )
  const deletes = (await writesOf(bench, app, position)).filter((line) => line.startsWith('delete'))
  assert.deepEqual(deletes, ['delete configmaps/client', 'delete configmaps/database'])
  assert.equal((await app.sync({ reason: 'push' })).outcome, 'not affected')
})

test('a later wave that hangs is named, puts the earlier ones off, and the next sync goes on with them', async () => {
  const app = await bench.subject(FILES, { healthTimeoutMs: 1_500 })
  assert.equal((await app.sync()).outcome, 'synced')
  await app.repository.commit(WITHOUT)
  const hung = await app.sync({ reason: 'push' })
  assert.equal(hung.outcome, 'synced', told(hung))
  assert.deepEqual(hung.counts, { unchanged: 1, pruned: 1, skipped: 1 }, told(hung))
  const off = hung.changes.find(({ object }) => object.name === 'database')
  assert.match(
    off?.reason ?? '',
    /^not in Git any more; ConfigMap\/.*\/client goes before it: it is being deleted since .*\(example\.org\/hold\)$/,
  )
  assert.match(off?.fix ?? '', /the controllers that those finalizers belong to/)
  assert.equal(await stateOf(app, 'database'), 'there')

  const again = await app.sync({ reason: 'push' })
  assert.deepEqual([again.outcome, again.counts.skipped], ['synced', 2], told(again))
  await letGo(app, 'client')
  const done = await app.sync({ reason: 'push' })
  assert.deepEqual([done.outcome, done.counts.pruned], ['synced', 1], told(done))
  assert.equal(await stateOf(app, 'database'), 'gone')
  assert.equal((await app.sync({ reason: 'push' })).outcome, 'not affected')
})

test('one that hangs holds up no new commit, and nothing where waves are only written in order', async () => {
  const app = await bench.subject(FILES, { healthTimeoutMs: 50_000 })
  assert.equal((await app.sync()).outcome, 'synced')
  await app.repository.commit(WITHOUT)
  let pushed = false
  const syncing = app.sync({ reason: 'push', superseded: () => Promise.resolve(pushed) })
  await until(async () => (await stateOf(app, 'client')) === 'leaving')
  pushed = true
  assert.equal((await syncing).outcome, 'superseded')
  assert.equal(await stateOf(app, 'database'), 'there')
  const stored = await bench.destination.readInventory(app.application.name, AbortSignal.timeout(30_000))
  assert.equal(stored?.inventory.entries.size, 3, 'all of it stays tracked')
  const free = await app.sync({ reason: 'push', policy: { healthTimeoutMs: 0 } })
  assert.deepEqual([free.outcome, free.counts.pruned], ['synced', 1], told(free))
  await letGo(app, 'client')
})

test('the Pods of a later wave are gone before an earlier one is deleted', async () => {
  const app = await bench.subject(
    { 'settings.json': annotated('settings', wave(-1)), 'kept.json': configMap('kept', {}), 'web.json': deployment('web', 'nginx') },
    { healthTimeoutMs: 50_000 },
  )
  assert.equal((await app.sync()).outcome, 'synced')
  await app.repository.commit({ 'settings.json': null, 'web.json': null })
  const left: string[] = []
  const destination: Destination = {
    ...bench.destination,
    async delete(object, ...rest) {
      if (object.kind === 'ConfigMap') {
        const { items } = await bench.api('GET', `/api/v1/namespaces/${app.namespace}/pods`)
        left.push(...(items as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name))
      }
      return await bench.destination.delete(object, ...rest)
    },
  }
  const result = await app.sync({ destination })
  assert.equal(result.counts.pruned, 2, told(result))
  assert.deepEqual(left, [])
})

test('the deletion of an application keeps the order of its waves, too', async () => {
  const app = await bench.subject(FILES)
  assert.equal((await app.sync()).outcome, 'synced')
  const leaving = depart(bench, app, 'delete')
  await until(async () => (await stateOf(app, 'client')) === 'leaving')
  assert.equal(await stateOf(app, 'database'), 'there')
  await letGo(app, 'client')
  const result = await leaving
  assert.deepEqual([result.outcome, result.counts.pruned], ['synced', 3], told(result))
})

test('an object that somebody annotates to be kept while later waves go is kept', async () => {
  const app = await bench.subject(FILES, { healthTimeoutMs: 50_000 })
  assert.equal((await app.sync()).outcome, 'synced')
  await app.repository.commit(WITHOUT)
  const syncing = app.sync()
  await until(async () => (await stateOf(app, 'client')) === 'leaving')
  const annotations = { 'gitwake.dev/prune': 'disabled' }
  await bench.api('PATCH', pathOf(app, 'database'), { metadata: { annotations } }, { contentType: 'application/merge-patch+json' })
  await letGo(app, 'client')
  const result = await syncing
  assert.equal(await stateOf(app, 'database'), 'there', told(result))
  assert.match(result.message, /1 of 3 objects failed/, told(result))
  const next = await app.sync({ reason: 'retry' })
  assert.equal(next.outcome, 'synced', told(next))
  assert.match(next.changes[0]?.reason ?? '', /kept by its annotation/, told(next))
})

test('an object whose deletion is refused is not waited for', async () => {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'client', annotations: wave(1) },
    spec: { containers: [{ name: 'main', image: 'nginx' }] },
  }
  const app = await bench.subject({ ...FILES, 'client.json': JSON.stringify(pod) }, { healthTimeoutMs: 60_000 })
  assert.equal((await app.sync()).outcome, 'synced')
  await app.repository.commit(WITHOUT)
  const refusing: Destination = {
    ...bench.destination,
    delete: async (object, ...rest) =>
      object.kind === 'Pod'
        ? { ok: false, class: 'forbidden', message: 'not yours', retryable: false }
        : bench.destination.delete(object, ...rest),
  }
  const result = await app.sync({ destination: refusing, policy: { healthTimeoutMs: 1_500 } })
  assert.equal(result.problem?.code, 'apply-failed', told(result))
  assert.match(result.problem.message, /^Pod\/.*not yours/, told(result))
  assert.equal(await stateOf(app, 'database'), 'gone', told(result))
})
