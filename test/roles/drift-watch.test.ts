import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import type { ClusterConnection } from '../../src/cluster/connect.ts'
import { createDestination } from '../../src/cluster/destination.ts'
import type { ResourceKind } from '../../src/model/kinds.ts'
import type { DriftWatch, DriftWatchOptions } from '../../src/roles/drift-watch.ts'
import type { Deviation } from '../../src/sync/deviation.ts'
import { sweep } from '../../src/sync/sweep.ts'
import { silent } from '../queue/setup.ts'
import { until } from '../queue/until.ts'
import { startControlPlane, type ControlPlane } from '../support/control-plane.ts'
import { configMap, openWorkbench, type Subject, type Workbench } from '../sync/workbench.ts'
import { watchOf } from './watching.ts'

const RBAC = '/apis/rbac.authorization.k8s.io/v1'
const OPTIONS = { inventoryNamespace: 'none', holder: 'watcher', version: 'test' }
const MERGE = { contentType: 'application/merge-patch+json' }
const signal = (): AbortSignal => AbortSignal.timeout(20_000)

describe('a watch between sweeps', { timeout: 120_000 }, () => {
  let plane: ControlPlane
  let bench: Workbench
  let app: Subject
  let watch: DriftWatch
  const told: string[] = []
  let maps: string
  let kind: ResourceKind

  before(async () => {
    plane = await startControlPlane({ log: () => undefined })
    bench = await openWorkbench(plane)
    const files = ['a', 'b', 'c', 'd', 'e'].map((name) => [`${name}.json`, configMap(name, { x: '1' })])
    app = await bench.subject(Object.fromEntries(files))
    maps = `/api/v1/namespaces/${app.namespace}/configmaps`
    watch = watchWith({})
    const catalog = await bench.destination.catalog({ refresh: false }, signal())
    const found = catalog.preferred({ group: '', kind: 'ConfigMap' })
    assert.ok(found)
    kind = found
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

  function watchWith(options: Partial<DriftWatchOptions>): DriftWatch {
    const tell = (deviations: readonly Deviation[]): void =>
      void told.push(...deviations.map(({ object, reason }) => `${object.name} ${reason}`))
    return watchOf(bench, app, tell, options)
  }

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

  it('asks for a sweep where it lost its place, once it watches again', async () => {
    let lost = false
    const stream: ClusterConnection['stream'] = async (request) => {
      const opened = await bench.connection.stream(request)
      if (lost) return opened
      lost = true
      opened.close()
      return { ...opened, status: 410, text: JSON.stringify({ kind: 'Status', reason: 'Expired', message: 'too old resource version' }) }
    }
    let wasLive: boolean | undefined
    const other = watchWith({
      onGap: () => {
        wasLive = other.isLive()
        return Promise.resolve()
      },
    })
    other.follow(createDestination({ ...bench.connection, stream }, OPTIONS), [kind])
    try {
      await until(() => wasLive !== undefined)
      assert.equal(wasLive, true)
    } finally {
      other.close()
    }
  })

  it('leaves drift to the sweeps, as often as they were, where the right to watch is missing, and says so once', async () => {
    const { inventoryNamespace: namespace } = bench
    const account = { name: 'lister', namespace }
    const metadata = { name: account.name }
    await bench.api('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata })
    await bench.api('POST', `${RBAC}/clusterroles`, {
      metadata,
      rules: [{ apiGroups: [''], resources: ['configmaps', 'secrets'], verbs: ['list'] }],
    })
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', ...metadata }
    await bench.api('POST', `${RBAC}/clusterrolebindings`, { metadata, roleRef, subjects: [{ kind: 'ServiceAccount', ...account }] })
    const lister = createDestination(await bench.connectAs(account), { ...OPTIONS, inventoryNamespace: namespace })
    const said: string[] = []
    const blind = watchWith({ log: { ...silent, info: (_: unknown, text?: string) => void said.push(text ?? '') } })
    blind.follow(lister, [kind])
    try {
      await until(() => said.length > 0)
      assert.match(said.join('\n'), /^not watched, so its drift is seen at the next sweep: .*cannot watch resource "configmaps"/)
      assert.equal(blind.isLive(), false)
      await bench.api('PATCH', `${maps}/c`, { data: { x: 'edited' } }, MERGE)
      const swept = await sweep(
        lister,
        { inventoryNamespace: namespace, installation: 'gitwake' },
        { from: 0, to: 0, intervalMs: 0 },
        signal(),
      )
      const deviations = swept.applications.flatMap((one) => one.deviations.map(({ object, reason }) => `${object.name} ${reason}`))
      assert.deepEqual(deviations, ['c drifted'])
    } finally {
      blind.close()
    }
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
