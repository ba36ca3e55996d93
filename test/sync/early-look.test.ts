import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Destination } from '../../src/sync/ports.ts'
import { configMap, openWorkbench, type Workbench } from './workbench.ts'

let bench: Workbench
before(async () => (bench = await openWorkbench()))
after(() => bench.close())

/** The bench's destination, telling of each look which kinds it was about; `meanwhile` runs after the first one. */
function watched(meanwhile: () => Promise<unknown> = () => Promise.resolve()): { destination: Destination; looks: string[] } {
  const looks: string[] = []
  const observe: Destination['observe'] = async (kinds, applySet, signal) => {
    looks.push(kinds.map(({ kind }) => kind).join(' '))
    const seen = await bench.destination.observe(kinds, applySet, signal)
    if (looks.length === 1) await meanwhile()
    return seen
  }
  return { destination: { ...bench.destination, observe }, looks }
}

test('what is tracked is looked at while Git is asked, and the kinds that the commit brings after it', async () => {
  const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
  await app.sync()
  const { destination, looks } = watched()
  assert.deepEqual((await app.sync({ reason: 'drift', destination })).counts, { unchanged: 1 })
  assert.deepEqual(looks, ['ConfigMap'])

  await app.repository.commit({ 'b.json': JSON.stringify({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'b' } }) })
  const grown = watched()
  assert.deepEqual((await app.sync({ reason: 'drift', destination: grown.destination })).counts, { unchanged: 1, created: 1 })
  assert.deepEqual(grown.looks, ['ConfigMap', 'ServiceAccount'])
})

test('an edit between the early look and the write is planned again, not written over blindly', async () => {
  const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
  await app.sync()
  await app.repository.commit({ 'a.json': configMap('a', { x: '2' }) })
  const path = `/api/v1/namespaces/${app.namespace}/configmaps/a`
  const { destination } = watched(() =>
    bench.api('PATCH', path, { data: { x: 'edited', y: 'by hand' } }, { contentType: 'application/merge-patch+json' }),
  )
  const result = await app.sync({ reason: 'drift', destination })
  assert.equal(result.outcome, 'synced', result.message)
  assert.deepEqual((await bench.api('GET', path))['data'], { x: '2', y: 'by hand' })
  assert.deepEqual((await app.sync({ reason: 'drift' })).counts, { unchanged: 1 })
})

test('a push that may not concern the application does not make it look early', async () => {
  const app = await bench.subject({ 'app/a.json': configMap('a', { x: '1' }) }, {}, 'app')
  await app.sync()
  await app.repository.commit({ 'elsewhere.txt': 'x' })
  const { destination, looks } = watched()
  assert.equal((await app.sync({ reason: 'push', destination })).outcome, 'not affected')
  assert.deepEqual(looks, [])
})
