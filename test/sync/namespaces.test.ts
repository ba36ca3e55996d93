import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createDestination } from '../../src/cluster/destination.ts'
import { objectKey } from '../../src/model/object.ts'
import { sweep } from '../../src/sync/sweep.ts'
import type { Destination } from '../../src/sync/ports.ts'
import { until } from '../queue/until.ts'
import { watchOf } from '../roles/watching.ts'
import { configMap, openWorkbench, type Subject, type Workbench } from './workbench.ts'

const MERGE = { contentType: 'application/merge-patch+json' }
const NO_AUDIT = { from: 0, to: 0, intervalMs: 0 }
const RBAC = '/apis/rbac.authorization.k8s.io/v1'
const signal = (): AbortSignal => AbortSignal.timeout(20_000)
const map = (name: string, namespace?: string): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...(namespace && { namespace }) }, data: { x: '1' } })

describe('a worker that is granted namespaces only', { timeout: 120_000 }, () => {
  let bench: Workbench
  let app: Subject
  let other: string
  let destination: Destination
  let user: string
  let maps: string

  /** Roles in one namespace for the worker, and nothing else. */
  async function grant(namespace: string, rules: readonly object[]): Promise<void> {
    await bench.api('POST', `${RBAC}/namespaces/${namespace}/roles`, { metadata: { name: 'worker' }, rules })
    await bench.api('POST', `${RBAC}/namespaces/${namespace}/rolebindings`, {
      metadata: { name: 'worker' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'worker' },
      subjects: [{ kind: 'ServiceAccount', name: 'worker', namespace: bench.inventoryNamespace }],
    })
  }

  const destinationFor = async (namespaces: readonly string[] | undefined, inventoryNamespace = bench.inventoryNamespace) =>
    createDestination(await bench.connectAs({ namespace: bench.inventoryNamespace, name: 'worker' }, namespaces), {
      inventoryNamespace,
      holder: 'confined',
      version: 'test',
    })

  before(async () => {
    bench = await openWorkbench()
    app = await bench.subject({})
    other = `${app.namespace}-other`
    maps = `/api/v1/namespaces/${app.namespace}/configmaps`
    for (const name of [bench.inventoryNamespace, app.namespace, other])
      await bench.api('POST', '/api/v1/namespaces', { metadata: { name } })
    await bench.api('POST', `/api/v1/namespaces/${bench.inventoryNamespace}/serviceaccounts`, { metadata: { name: 'worker' } })
    await grant(bench.inventoryNamespace, [
      { apiGroups: [''], resources: ['secrets'], verbs: ['list', 'create', 'update', 'delete'] },
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
    ])
    const verbs = ['get', 'list', 'watch', 'create', 'patch', 'delete']
    for (const namespace of [app.namespace, other]) {
      await grant(namespace, [
        { apiGroups: [''], resources: ['configmaps'], verbs },
        { apiGroups: ['apps'], resources: ['deployments'], verbs },
        { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
        { apiGroups: ['apps'], resources: ['replicasets'], verbs: ['list'] },
      ])
    }
    user = `system:serviceaccount:${bench.inventoryNamespace}:worker`
    destination = await destinationFor([app.namespace, other])
  })
  after(() => bench.close())

  async function refusedRequests(since: number): Promise<readonly string[]> {
    const events = await bench.audit.read({ user }, since)
    return events.filter(({ responseStatus }) => responseStatus?.code === 403).map(({ verb, requestURI }) => `${verb} ${requestURI}`)
  }

  it('syncs into its namespaces, heals, waits for health and prunes, and asks for nothing that it may not', async () => {
    const since = await bench.audit.position()
    const labels = { app: 'web' }
    const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'good:1' }] } }
    const web = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: { selector: { matchLabels: labels }, template },
    }
    await app.repository.commit({ 'a.json': map('a'), 'b.json': map('b', other), 'web.json': JSON.stringify(web) })
    const made = await app.sync({ destination, policy: { healthTimeoutMs: 30_000 } })
    assert.equal(made.outcome, 'synced', made.message)
    assert.equal(made.health.status, 'current', JSON.stringify(made.health))
    assert.equal(made.changes.filter(({ action }) => action === 'created').length, 3)

    await bench.api('PATCH', `${maps}/a`, { data: { x: 'edited' } }, MERGE)
    await bench.api('DELETE', `/api/v1/namespaces/${other}/configmaps/b`)
    const healed = await app.sync({ destination, reason: 'drift' })
    assert.deepEqual(
      healed.changes.filter(({ action }) => action !== 'unchanged').map(({ object, action }) => `${object.name} ${action}`),
      ['a configured', 'b created'],
    )

    await app.repository.commit({ 'b.json': null })
    const pruned = await app.sync({ destination })
    assert.deepEqual(
      pruned.changes.filter(({ action }) => action === 'pruned').map(({ object }) => `${object.namespace}/${object.name}`),
      [`${other}/b`],
    )
    assert.deepEqual(await refusedRequests(since), [])
  })

  it('asks for no kind that only another installation keeps there, and finds nothing of it', async () => {
    const theirs = await bench.subject({
      'limits.json': JSON.stringify({ apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'limits' }, spec: { limits: [] } }),
    })
    assert.equal((await theirs.sync({ install: 'another' })).outcome, 'synced')
    const here = { inventoryNamespace: bench.inventoryNamespace, installation: 'gitwake' }
    const { applications, kinds } = await sweep(bench.destination, here, NO_AUDIT, signal())
    assert.ok(!kinds.some(({ kind }) => kind === 'LimitRange'))
    assert.ok(!applications.some(({ inventory }) => inventory.application === theirs.application.name))
    const there = await sweep(bench.destination, { ...here, installation: 'another' }, NO_AUDIT, signal())
    assert.deepEqual(
      there.applications.map(({ inventory }) => inventory.application),
      [theirs.application.name],
    )
  })

  it('sweeps and watches each of its namespaces', async () => {
    const since = await bench.audit.position()
    await app.repository.commit({ 'b.json': map('b', other) })
    await app.sync({ destination })
    const told: string[] = []
    const watch = watchOf(
      bench,
      app,
      (deviations) => void told.push(...deviations.map(({ object, reason }) => `${object.namespace}/${object.name} ${reason}`)),
    )
    try {
      const { kinds } = await sweep(
        destination,
        { inventoryNamespace: bench.inventoryNamespace, installation: 'gitwake' },
        NO_AUDIT,
        signal(),
      )
      watch.follow(destination, kinds)
      await until(() => watch.isLive())
      await bench.api('PATCH', `${maps}/a`, { data: { x: 'edited' } }, MERGE)
      await bench.api('PATCH', `/api/v1/namespaces/${other}/configmaps/b`, { data: { x: 'edited' } }, MERGE)
      const expected = [`${app.namespace}/a drifted`, `${other}/b drifted`]
      await until(() => expected.every((line) => told.includes(line)))
      const { applications } = await sweep(
        destination,
        { inventoryNamespace: bench.inventoryNamespace, installation: 'gitwake' },
        NO_AUDIT,
        signal(),
      )
      assert.deepEqual(
        applications
          .flatMap(({ deviations }) => deviations.map(({ object, reason }) => `${object.namespace}/${object.name} ${reason}`))
          .sort(),
        expected.toSorted(),
      )
    } finally {
      watch.close()
    }
    assert.deepEqual(await refusedRequests(since), [])
  })

  it('refuses what is cluster-scoped or elsewhere in the plan, and writes nothing', async () => {
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: app.namespace }, rules: [] }
    const hook = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'seed', namespace: 'kube-public', annotations: { 'gitwake.dev/hook': 'pre-sync' } },
      spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'good:1' }] } } },
    }
    await app.repository.commit({ 'hook.json': JSON.stringify(hook) })
    await app.repository.commit({ 'role.json': JSON.stringify(role), 'c.json': map('c', 'default'), 'a.json': configMap('a', { x: '2' }) })
    const since = await bench.audit.position()
    const refused = await app.sync({ destination })
    assert.equal(refused.outcome, 'failed')
    const only = `only namespaces of this cluster are looked after: ${app.namespace}, ${other}`
    const failed = refused.changes.filter(({ action }) => action === 'failed')
    assert.deepEqual(failed.map(({ reason }) => reason).sort(), [
      `refused: it is cluster-scoped, and ${only}`,
      `refused: it is in namespace default, and ${only}`,
      `refused: it is in namespace kube-public, and ${only}`,
    ])
    assert.match(failed[0]?.fix ?? '', /spec\.namespaces of the Cluster/)
    assert.deepEqual(await refusedRequests(since), [])
    await app.repository.commit({ 'role.json': null, 'c.json': null, 'hook.json': null })
    await app.sync({ destination })
  })

  it('leaves alone what it tracked before it was confined: unknown, neither missing nor pruned', async () => {
    const confined = await destinationFor([app.namespace])
    const swept = await sweep(confined, { inventoryNamespace: bench.inventoryNamespace, installation: 'gitwake' }, NO_AUDIT, signal())
    assert.deepEqual(
      swept.applications.flatMap(({ deviations }) => deviations),
      [],
    )
    await app.repository.commit({ 'b.json': null })
    const { changes } = await app.sync({ destination: confined })
    const left = changes.find(({ object }) => object.name === 'b')
    assert.equal(left?.action, 'skipped')
    assert.match(left.reason, /not in Git any more, but it is in namespace .*: not pruned/)
    const stored = await confined.readInventory(app.application.name, signal())
    assert.ok(stored?.inventory.entries.has(objectKey({ group: '', kind: 'ConfigMap', namespace: other, name: 'b' })))
  })

  it('without spec.namespaces is told to name them', async () => {
    const { changes } = await app.sync({ destination: await destinationFor(undefined) })
    const failed = changes.find(({ action }) => action === 'failed')
    assert.match(failed?.reason ?? '', /cannot be listed .*forbidden/)
    assert.match(failed?.fix ?? '', /or name the namespaces that are granted in spec\.namespaces of the Cluster/)
  })

  it('says what to do where the inventory namespace is missing or closed', async () => {
    const missing = `${bench.inventoryNamespace}-missing`
    const closed = await app.sync({ destination: await destinationFor([app.namespace, other], missing) })
    assert.equal(closed.outcome, 'failed')
    assert.match(closed.problem?.message ?? '', new RegExp(`reading the inventories in namespace ${missing} failed: .*forbidden`))
    assert.match(closed.problem?.fix ?? '', /gitwake rbac prints the roles/)

    const name = { name: missing }
    await bench.api('POST', `${RBAC}/clusterroles`, {
      metadata: name,
      rules: [
        { apiGroups: [''], resources: ['secrets'], verbs: ['list', 'create', 'update', 'delete'] },
        { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
      ],
    })
    await bench.api('POST', `${RBAC}/clusterrolebindings`, {
      metadata: name,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', ...name },
      subjects: [{ kind: 'ServiceAccount', name: 'worker', namespace: bench.inventoryNamespace }],
    })
    await app.repository.commit({ 'new.json': map('new') })
    const absent = await app.sync({ destination: await destinationFor([app.namespace, other], missing) })
    assert.equal(absent.problem?.code, 'inventory-namespace-missing', absent.message)
    assert.match(absent.problem.fix, /Create it \(gitwake rbac prints it/)
  })
})
