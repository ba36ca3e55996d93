import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { isJsonObject, type JsonObject } from '../../src/model/json.ts'
import { applySetId } from '../../src/model/names.ts'
import type { Destination } from '../../src/sync/ports.ts'
import { depart } from './departing.ts'
import { configMap, openWorkbench, type Subject, type Workbench } from './workbench.ts'

let bench: Workbench
before(async () => {
  bench = await openWorkbench()
})
after(() => bench.close())

const NAMES = ['a', 'b', 'c']
const FILES = Object.fromEntries(NAMES.map((name) => [`${name}.json`, configMap(name, { value: name })]))

async function live(app: Subject): Promise<JsonObject[]> {
  const { items } = await bench.api('GET', `/api/v1/namespaces/${app.namespace}/configmaps`)
  const list = Array.isArray(items) ? (items as readonly JsonObject[]) : []
  return list.filter(({ metadata }) => isJsonObject(metadata) && metadata.name !== 'kube-root-ca.crt')
}

async function inventory(app: Subject) {
  return await bench.destination.readInventory(app.application.name, AbortSignal.timeout(10_000))
}

test('a detach leaves the objects as they are and takes every mark of ours; a crash in between is finished by the next', async () => {
  const marked = JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', labels: { team: 'shop' }, annotations: { 'gitwake.dev/prune': 'disabled', note: 'theirs' } },
    data: { value: 'a' },
  })
  const app = await bench.subject({ ...FILES, 'a.json': marked })
  await app.sync()
  const before = new Map((await live(app)).map(({ metadata, data }) => [isJsonObject(metadata) && metadata.name, data]))
  let releases = 0
  const crashing: Destination = {
    ...bench.destination,
    release: (...parts) => (++releases === 2 ? Promise.reject(new Error('killed')) : bench.destination.release(...parts)),
  }
  assert.equal((await depart(bench, app, 'detach', { destination: crashing })).outcome, 'failed')
  assert.notEqual(await inventory(app), undefined, 'it is still known what is left to do')

  const done = await depart(bench, app, 'detach')
  assert.equal(done.outcome, 'synced', done.message)
  assert.equal(await inventory(app), undefined)
  const after = await live(app)
  assert.deepEqual(new Map(after.map(({ metadata, data }) => [isJsonObject(metadata) && metadata.name, data])), before)
  for (const { metadata } of after) {
    assert.doesNotMatch(JSON.stringify(metadata), /applyset|gitwake\.dev|"manager":"gitwake"/)
    assert.match(JSON.stringify(metadata), /"manager":"gitwake-detached","operation":"Apply"/)
  }
  assert.match(JSON.stringify(after[0]?.metadata), /"team":"shop".*|"note":"theirs"/)
  assert.equal((await depart(bench, app, 'detach')).outcome, 'synced', 'a second one has nothing to do')
})

test('what was detached is adopted again by the same application, whole: what Git drops then goes', async () => {
  const app = await bench.subject(FILES)
  await app.sync()
  await depart(bench, app, 'detach')
  await app.repository.commit({ 'a.json': configMap('a', { other: 'x' }) })
  const again = await app.sync()
  assert.deepEqual([again.outcome, again.counts.adopted], ['synced', 3], again.message)
  const a = (await live(app)).find(({ metadata }) => isJsonObject(metadata) && metadata.name === 'a')
  assert.deepEqual(a?.data, { other: 'x' })
})

test('a deletion takes everything that the application owns, and what its annotation keeps is released', async () => {
  const kept = JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'c', annotations: { 'gitwake.dev/prune': 'disabled' } },
  })
  const app = await bench.subject({ ...FILES, 'c.json': kept })
  await app.sync()
  await bench.api('POST', `/api/v1/namespaces/${app.namespace}/configmaps`, {
    metadata: { name: 'copy', labels: { 'applyset.kubernetes.io/part-of': applySetId(app.application.name, bench.inventoryNamespace) } },
  })
  const gone = await depart(bench, app, 'delete')
  assert.equal(gone.outcome, 'synced', gone.message)
  assert.equal(gone.counts.pruned, 2)
  assert.deepEqual(
    (await live(app)).map(({ metadata }) => isJsonObject(metadata) && metadata.name),
    ['c', 'copy'],
  )
  assert.equal(await inventory(app), undefined)
})

test('a deletion beyond the budget that the configuration had is held until exactly it is confirmed', async () => {
  const app = await bench.subject(FILES, { pruneBudget: { objects: 2, percent: 0 } })
  await app.sync()
  const held = await depart(bench, app, 'delete')
  assert.equal(held.outcome, 'held', held.message)
  assert.match(held.message, /3 of 3 objects would be pruned, more than the budget of 2/)
  assert.equal(held.counts.held, 3)
  assert.equal((await depart(bench, app, 'delete', { confirmedPlan: 'something-else' })).outcome, 'held')
  assert.equal((await live(app)).length, 3)
  const done = await depart(bench, app, 'delete', { confirmedPlan: held.plan ?? '' })
  assert.equal(done.outcome, 'synced', done.message)
  assert.equal((await live(app)).length, 0)
})

test('a deletion that hangs at a finalizer keeps track of it, is tried again, and ends when it lets go', async () => {
  const hanging = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', finalizers: ['example.org/hold'] } })
  const app = await bench.subject({ ...FILES, 'a.json': hanging })
  await app.sync()
  const first = await depart(bench, app, 'delete')
  assert.deepEqual([first.outcome, first.problem?.code, first.problem?.retryable], ['failed', 'still-terminating', true], first.message)
  assert.match(first.message, /example\.org\/hold/)
  const second = await depart(bench, app, 'delete')
  assert.match(
    second.message,
    /^still being deleted: ConfigMap\/.*\/a \(not in Git any more; it is being deleted since .*example\.org\/hold\)\)$/,
  )
  assert.equal((await inventory(app))?.inventory.entries.size, 1)
  const path = `/api/v1/namespaces/${app.namespace}/configmaps/a`
  await bench.api('PATCH', path, { metadata: { finalizers: null } }, { contentType: 'application/merge-patch+json' })
  const last = await depart(bench, app, 'delete')
  assert.equal(last.outcome, 'synced', last.message)
  assert.equal(await inventory(app), undefined)
})

test('a renamed application is refused the objects of its old name until those are detached, and then has them as they are', async () => {
  const old = await bench.subject(FILES)
  await old.sync()
  const uids = (): Promise<string[]> =>
    live(old).then((objects) => objects.map(({ metadata }) => (isJsonObject(metadata) ? String(metadata.uid) : '')))
  const before = await uids()
  const placed = NAMES.map((name) => {
    const metadata = { name, namespace: old.namespace }
    return [`${name}.json`, JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { value: name } })] as const
  })
  const renamed = await bench.subject(Object.fromEntries(placed))
  const refused = await renamed.sync()
  assert.deepEqual([refused.outcome, refused.problem?.code], ['failed', 'refused'], refused.message)
  await depart(bench, old, 'detach')
  const adopted = await renamed.sync()
  assert.deepEqual([adopted.outcome, adopted.counts.adopted], ['synced', 3], adopted.message)
  assert.deepEqual(await uids(), before)
})
