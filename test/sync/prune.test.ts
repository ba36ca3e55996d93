import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { isJsonObject, type JsonObject } from '../../src/model/json.ts'
import { configMap, openWorkbench, type Subject, type Workbench } from './workbench.ts'

let bench: Workbench
before(async () => {
  bench = await openWorkbench()
})
after(() => bench.close())

const SIGNAL = () => AbortSignal.timeout(30_000)
const NAMES = ['a', 'b', 'c', 'd']

function files(names: readonly string[], value = '1'): Record<string, string | null> {
  return Object.fromEntries(NAMES.map((name) => [`${name}.json`, names.includes(name) ? configMap(name, { value }) : null]))
}

async function live(app: Subject): Promise<readonly JsonObject[]> {
  const { items } = await bench.api('GET', `/api/v1/namespaces/${app.namespace}/configmaps`)
  const list = Array.isArray(items) ? (items as readonly JsonObject[]) : []
  return list.filter(({ metadata }) => isJsonObject(metadata) && metadata.name !== 'kube-root-ca.crt')
}

async function liveNames(app: Subject): Promise<string[]> {
  return (await live(app)).map(({ metadata }) => (isJsonObject(metadata) ? String(metadata.name) : '')).sort()
}

test('a restored cluster is recognised: its objects are ours again, nothing is written or deleted, and the next commit prunes', async () => {
  const app = await bench.subject(files(NAMES))
  await app.sync()
  await app.repository.commit(files(['a', 'b', 'c']))
  const path = `/api/v1/namespaces/${app.namespace}/configmaps`
  for (const { metadata, data } of await live(app)) {
    if (!isJsonObject(metadata)) continue
    const { name, labels, managedFields } = metadata
    await bench.api('DELETE', `${path}/${String(name)}`)
    await bench.api('POST', path, { metadata: { name, labels }, data }, { manager: 'velero' })
    // As Velero does: the API server lets nobody bring them along.
    const merge = { contentType: 'application/merge-patch+json', manager: 'velero' }
    await bench.api('PATCH', `${path}/${String(name)}`, { metadata: { managedFields } }, merge)
  }
  const restored = await app.sync()
  assert.equal(restored.outcome, 'synced', restored.message)
  assert.deepEqual(restored.counts, { unchanged: 3, skipped: 1 }, JSON.stringify(restored.changes))
  assert.match(restored.warnings.join(), /4 of 4 objects came back under new uids/)
  assert.deepEqual(await liveNames(app), NAMES)

  const stored = await bench.destination.readInventory(app.application.name, SIGNAL())
  const uids = new Map(
    (await live(app))
      .map(({ metadata }) => (isJsonObject(metadata) ? [metadata.name, metadata.uid] : []))
      .map(([name, uid]) => [name, uid]),
  )
  for (const entry of stored?.inventory.entries.values() ?? [])
    assert.equal(entry.status === 'owned' && entry.uid, uids.get(entry.object.name))
  const next = await app.sync({ reason: 'push' })
  assert.deepEqual(next.counts, { unchanged: 3, pruned: 1 }, 'the same commit is looked at again')
  assert.deepEqual(await liveNames(app), ['a', 'b', 'c'])
})

test('a prune beyond the budget of its application waits, and another digest confirms nothing', async () => {
  const app = await bench.subject(files(NAMES), { pruneBudget: { objects: 0, percent: 0 } })
  await app.sync()
  await app.repository.commit(files(['a', 'b', 'c']))
  const held = await app.sync()
  assert.equal(held.outcome, 'held', held.message)
  assert.match(held.message, /1 of 4 objects would be pruned, more than the budget of 0/)
  await app.repository.commit(files(['a', 'b']))
  const other = await app.sync({ confirmedPlan: held.plan ?? '' })
  assert.equal(other.outcome, 'held', 'what was confirmed is not what would be pruned now')
  assert.notEqual(other.plan, held.plan)
  assert.match(other.message, /what was confirmed is not what would be pruned now: 2 of 4 objects/)
  assert.deepEqual(await liveNames(app), NAMES)
  const done = await app.sync({ confirmedPlan: other.plan ?? '' })
  assert.equal(done.counts.pruned, 2, done.message)
})

test('an object whose annotation asks for it waits for a confirmation, and holds up no other', async () => {
  const precious = JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'd', annotations: { 'gitwake.dev/prune': 'confirm' } },
  })
  const app = await bench.subject({ ...files(['a', 'b', 'c']), 'd.json': precious })
  await app.sync()
  await app.repository.commit(files(['a', 'b']))
  const held = await app.sync()
  assert.deepEqual([held.outcome, held.counts.pruned, held.counts.held], ['held', 1, 1], held.message)
  assert.deepEqual(await liveNames(app), ['a', 'b', 'd'])
  const done = await app.sync({ confirmedPlan: held.plan ?? '' })
  assert.deepEqual([done.outcome, done.counts.pruned], ['synced', 1], done.message)
})

test('a prune that fails stays tracked and is tried again', async () => {
  const app = await bench.subject(files(NAMES))
  await app.sync()
  await app.repository.commit(files(['a', 'b', 'c']))
  const failed = await app.sync({
    destination: {
      ...bench.destination,
      delete: () => Promise.resolve({ ok: false, class: 'forbidden', message: 'an admission policy says no', retryable: true }),
    },
  })
  assert.equal(failed.outcome, 'failed', failed.message)
  assert.equal(failed.problem?.retryable, true)
  const stored = await bench.destination.readInventory(app.application.name, SIGNAL())
  assert.equal(stored?.inventory.entries.size, 4)
  const again = await app.sync({ reason: 'retry' })
  assert.equal(again.counts.pruned, 1, again.message)
})
