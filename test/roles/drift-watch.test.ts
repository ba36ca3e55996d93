import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { applySetId } from '../../src/model/names.ts'
import { createDriftWatch, type DriftWatch } from '../../src/roles/drift-watch.ts'
import { silent } from '../queue/setup.ts'
import { until } from '../queue/until.ts'
import { startControlPlane, type ControlPlane } from '../support/control-plane.ts'
import { configMap, openWorkbench, type Subject, type Workbench } from '../sync/workbench.ts'

const MERGE = { contentType: 'application/merge-patch+json' }
const signal = (): AbortSignal => AbortSignal.timeout(20_000)

describe('a watch between sweeps', { timeout: 120_000 }, () => {
  let plane: ControlPlane
  let bench: Workbench
  let app: Subject
  let watch: DriftWatch
  const told: string[] = []
  let maps: string

  before(async () => {
    plane = await startControlPlane({ log: () => undefined })
    bench = await openWorkbench(plane)
    const files = ['a', 'b', 'c', 'd', 'e'].map((name) => [`${name}.json`, configMap(name, { x: '1' })])
    app = await bench.subject(Object.fromEntries(files))
    maps = `/api/v1/namespaces/${app.namespace}/configmaps`
    watch = createDriftWatch({
      cluster: 'test',
      inventoryNamespace: bench.inventoryNamespace,
      log: silent,
      applicationOf: (applySet) =>
        applySet === applySetId(app.application.name, bench.inventoryNamespace) ? app.application.name : undefined,
      onDrift: (application, deviations) => {
        if (application === app.application.name) told.push(...deviations.map(({ object, reason }) => `${object.name} ${reason}`))
        return Promise.resolve()
      },
      onHealth: () => Promise.resolve(),
      suspectEveryMs: () => 0,
    })
    const catalog = await bench.destination.catalog({ refresh: false }, signal())
    const kind = catalog.preferred({ group: '', kind: 'ConfigMap' })
    assert.ok(kind)
    watch.follow(bench.destination, [kind])
    await until(() => watch.isLive())
  })
  after(async () => {
    watch.close()
    await bench.close()
  })
  beforeEach(() => {
    told.length = 0
  })

  /** Everything that came before this has been looked at once this is told. */
  async function marked(name: string): Promise<void> {
    await bench.api('PATCH', `${maps}/${name}`, { data: { x: 'marked' } }, MERGE)
    await until(() => told.includes(`${name} drifted`))
  }

  it('says nothing of what a sync writes itself, first or later', async () => {
    await app.sync()
    await app.repository.commit({ 'a.json': configMap('a', { x: '2' }), 'b.json': configMap('b', { x: '2' }) })
    await app.sync()
    await marked('e')
    assert.deepEqual(told, ['e drifted'])
    await app.sync({ reason: 'drift' })
  })

  it('tells at once which object was edited, deleted, recreated, or lost its label', async () => {
    await bench.api('PATCH', `${maps}/a`, { data: { x: 'edited' } }, MERGE)
    await bench.api('DELETE', `${maps}/b`)
    const { metadata, data } = await bench.api('GET', `${maps}/c`)
    const { labels, name } = metadata as { labels: object; name: string }
    await bench.api('DELETE', `${maps}/c`)
    await bench.api('POST', maps, { metadata: { labels, name }, data })
    await bench.api('PATCH', `${maps}/d`, { metadata: { labels: { 'applyset.kubernetes.io/part-of': null } } }, MERGE)
    const expected = ['a drifted', 'b missing', 'c recreated', 'd missing']
    await until(() => expected.every((line) => told.includes(line)))
    await app.sync({ reason: 'drift' })
  })

  it('goes on after the API server was away', async () => {
    await plane.stopApiServer()
    await plane.startApiServer()
    await until(() => watch.isLive())
    await marked('a')
    await app.sync({ reason: 'drift' })
  })
})
