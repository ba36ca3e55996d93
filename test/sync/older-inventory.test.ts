import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Inventory } from '../../src/model/inventory.ts'
import { isJsonObject } from '../../src/model/json.ts'
import { PART_OF_LABEL } from '../../src/model/names.ts'
import { configMap, openWorkbench, type Subject, type Workbench } from './workbench.ts'

let bench: Workbench
before(async () => {
  bench = await openWorkbench()
})
after(() => bench.close())

const SIGNAL = () => AbortSignal.timeout(30_000)
const HOUR_MS = 3_600_000

async function inventoryOf(app: Subject): Promise<Inventory> {
  const stored = await bench.destination.readInventory(app.application.name, SIGNAL())
  assert.ok(stored, 'there is an inventory')
  return stored.inventory
}

/** As a backup has it that was taken an hour ago: the Secret's content is the old one, its resourceVersion a new one. */
async function putBack(app: Subject, inventory: Inventory): Promise<void> {
  const current = await bench.destination.readInventory(app.application.name, SIGNAL())
  const writtenAt = new Date(Date.parse(inventory.writtenAt ?? '') - HOUR_MS).toISOString()
  await bench.destination.writeInventory({ ...inventory, writtenAt }, current, { signal: SIGNAL() })
}

async function liveValues(app: Subject): Promise<Record<string, unknown>> {
  const { items } = await bench.api('GET', `/api/v1/namespaces/${app.namespace}/configmaps`)
  const values = (Array.isArray(items) ? items : []).flatMap((item) => {
    const { metadata, data } = isJsonObject(item) ? item : {}
    return isJsonObject(metadata) && isJsonObject(data) ? [[String(metadata.name), data['value']] as const] : []
  })
  return Object.fromEntries(values.filter(([name]) => name !== 'kube-root-ca.crt'))
}

const one = (name: string, value = '1'): string => configMap(name, { value })

/** Commits 1 to 3, with the inventory of the first put back before the third is synced. */
async function restored(): Promise<Subject> {
  const app = await bench.subject({ 'changed.json': one('changed'), 'kept.json': one('kept'), 'pruned.json': one('pruned') })
  await app.sync()
  const older = await inventoryOf(app)
  await app.repository.commit({
    'changed.json': one('changed', '2'),
    'pruned.json': null,
    'new.json': one('new'),
    'brief.json': one('brief'),
  })
  const second = await app.sync()
  assert.deepEqual([second.outcome, second.warnings], ['synced', []])
  await app.repository.commit({ 'brief.json': null })
  await putBack(app, older)
  return app
}

test('an older inventory that was put back deletes nothing, is told, and what it lacks is adopted or named', async () => {
  const app = await restored()
  const planned = await app.plan()
  const result = await app.sync({ reason: 'push' })
  assert.equal(result.outcome, 'synced', result.message)
  const told = Object.fromEntries(result.changes.map(({ object, action }) => [object.name, action]))
  assert.deepEqual(told, { changed: 'configured', new: 'adopted', pruned: 'released' })
  assert.deepEqual(await liveValues(app), { brief: '1', changed: '2', kept: '1', new: '1' }, 'what only the newer inventory knew stays')
  for (const { warnings } of [planned, result]) {
    assert.match(warnings.join('\n'), /is older than the cluster: 1 of its 3 objects were applied in our name after it was written/)
    assert.match(warnings.join('\n'), new RegExp(`neither in Git nor in its inventory.*: ConfigMap/${app.namespace}/brief\\.`))
  }

  const next = await app.sync()
  assert.deepEqual(next.counts, { unchanged: 3 }, 'converged')
  assert.equal(next.warnings.length, 1, 'the inventory is as new as the cluster again; the object is still there')
  assert.match(next.warnings[0] ?? '', /brief/)

  const path = `/api/v1/namespaces/${app.namespace}/configmaps/brief`
  const patch = { contentType: 'application/merge-patch+json' }
  await bench.api('PATCH', path, { metadata: { labels: { [PART_OF_LABEL]: null } } }, patch)
  assert.deepEqual((await app.sync()).warnings, [], 'without the label it is nobody’s')
})

test('a change in our name by hand is no sign of an older inventory where that is as new', async () => {
  const app = await bench.subject({ 'a.json': one('a') })
  await app.sync()
  const path = `/api/v1/namespaces/${app.namespace}/configmaps/a`
  await bench.api('PATCH', path, { data: { value: 'by hand' } }, { contentType: 'application/merge-patch+json' })
  const healed = await app.sync({ reason: 'drift' })
  assert.deepEqual([healed.counts, healed.warnings], [{ configured: 1 }, []])
})
