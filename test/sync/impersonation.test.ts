import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createDestination } from '../../src/cluster/destination.ts'
import type { Application, Configuration } from '../../src/model/configuration.ts'
import type { SyncResult } from '../../src/model/result.ts'
import type { GrantedKind } from '../../src/rbac/built-in-kinds.ts'
import { rolesFor } from '../../src/rbac/roles.ts'
import { createRenderer } from '../../src/render/renderer.ts'
import { createFindApplication } from '../../src/roles/apply-sets.ts'
import { proposePorts } from '../../src/roles/sync-context.ts'
import type { Destination } from '../../src/sync/ports.ts'
import { until } from '../queue/until.ts'
import { isDryRun, isWrite } from '../support/audit-log.ts'
import { configMap, openWorkbench, type Subject, type Workbench } from './workbench.ts'

const WORKER = 'worker'
const ACCOUNT = 'deployer'
const APPLY = { contentType: 'application/apply-patch+yaml', manager: 'admin' }
const KINDS: readonly GrantedKind[] = ['configmaps', 'secrets'].map((resource) => ({ group: '', resource, namespaced: true }))

const NOTHING: Configuration = {
  version: 1,
  repositories: new Map(),
  clusters: new Map(),
  applications: new Map(),
  tokens: new Map(),
  logins: new Map(),
}

/** A real API server with RBAC: the worker has what gitwake rbac grants, the account may write ConfigMaps of its namespace. */
describe('an application with a service account', { timeout: 180_000 }, () => {
  let bench: Workbench
  let app: Subject
  let application: Application
  let destination: Destination

  before(async () => {
    bench = await openWorkbench()
    app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    application = { ...app.application, destination: { ...app.application.destination, createNamespace: false, serviceAccount: ACCOUNT } }
    for (const name of [app.namespace, bench.inventoryNamespace]) await bench.api('POST', '/api/v1/namespaces', { metadata: { name } })
    await bench.api('POST', `/api/v1/namespaces/${bench.inventoryNamespace}/serviceaccounts`, { metadata: { name: WORKER } })
    const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${app.namespace}`
    await bench.api('POST', `${rbac}/roles`, {
      metadata: { name: ACCOUNT },
      rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['create', 'patch', 'delete'] }],
    })
    await bench.api('POST', `${rbac}/rolebindings`, {
      metadata: { name: ACCOUNT },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: ACCOUNT },
      subjects: [{ kind: 'ServiceAccount', namespace: app.namespace, name: ACCOUNT }],
    })
    await grant(application)
    const connection = await bench.connectAs({ namespace: bench.inventoryNamespace, name: WORKER })
    destination = createDestination(connection, { inventoryNamespace: bench.inventoryNamespace, holder: WORKER, version: 'test' })
  })
  after(() => bench.close())

  /** What gitwake rbac prints for such an application. */
  async function grant(wanted: Application): Promise<void> {
    const subject = { namespace: bench.inventoryNamespace, name: WORKER }
    const { inventoryNamespace } = bench
    const request = { cluster: {}, applications: [wanted], kinds: KINDS, subject, inventoryNamespace, installation: inventoryNamespace }
    for (const { apiVersion, kind, metadata, ...rest } of rolesFor(request)) {
      if (kind === 'Namespace') continue
      const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`
      const path = `/apis/${apiVersion}${place}/${kind.toLowerCase()}s/${metadata.name}`
      await bench.api('PATCH', path, { apiVersion, kind, metadata, ...rest }, APPLY)
    }
  }

  /** As a worker runs it: over the destination that the role makes of the configuration. */
  async function sync(wanted = application): Promise<SyncResult> {
    const { inventoryNamespace } = bench
    const findApplication = createFindApplication(() => NOTHING, inventoryNamespace)
    const shared = { findApplication, renderer: createRenderer({}), installation: 'gitwake', inventoryNamespace }
    const ports = proposePorts(shared, wanted, destination)
    return app.sync({ application: { destination: wanted.destination }, destination: ports.destination })
  }

  const told = (result: SyncResult): string => `${result.outcome}: ${result.message} ${JSON.stringify(result.problem ?? '')}`

  it('writes in its name, while the inventory and every look stay the worker’s own', async () => {
    const since = await bench.audit.position()
    let made = await sync()
    // A role counts once the API server's own watch has seen it.
    await until(async () => {
      if (made.outcome === 'synced') return true
      made = await sync()
      return false
    })
    assert.deepEqual(made.counts, { created: 1 }, told(made))
    await app.repository.commit({ 'a.json': configMap('a', { x: '2' }) })
    const changed = await sync()
    assert.deepEqual(changed.counts, { configured: 1 }, told(changed))

    const user = `system:serviceaccount:${app.namespace}:${ACCOUNT}`
    const events = (await bench.audit.read({}, since)).filter(({ requestURI }) => requestURI.includes(app.namespace))
    const writes = events.filter(isWrite)
    assert.ok(writes.some(isDryRun), 'the preflight asks, too')
    for (const { impersonatedUser, requestURI, verb } of events) {
      const isOwn = verb === 'get' || verb === 'list' || requestURI.includes(bench.inventoryNamespace)
      assert.equal(impersonatedUser?.username, isOwn ? undefined : user, `${verb} ${requestURI}`)
    }
  })

  it('is refused what its account may not do, whatever the worker may, before anything is written', async () => {
    await app.repository.commit({
      'a.json': configMap('a', { x: '3' }),
      'secret.json': JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } }),
      'elsewhere.json': JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'default' } }),
    })
    const refused = await sync()
    assert.equal(refused.outcome, 'failed', told(refused))
    const user = `User "system:serviceaccount:${app.namespace}:${ACCOUNT}" cannot patch resource`
    const reasons = refused.changes.filter(({ action }) => action === 'failed').map(({ reason, fix }) => `${reason} → ${fix}`)
    assert.equal(reasons.length, 2, reasons.join('\n'))
    for (const reason of reasons) {
      assert.ok(reason.includes(user), reason)
      assert.match(reason, /→ Grant the user that is named this verb on this kind/)
    }
    const { data } = await bench.api('GET', `/api/v1/namespaces/${app.namespace}/configmaps/a`)
    assert.deepEqual(data, { x: '2' }, 'nothing is written')
  })

  it('prunes in its name', async () => {
    await app.repository.commit({
      'a.json': null,
      'secret.json': null,
      'elsewhere.json': null,
      'b.json': configMap('b', {}),
    })
    const pruned = await sync()
    assert.deepEqual(pruned.counts, { created: 1, pruned: 1 }, told(pruned))
  })

  it('is told what is missing where the worker may not act in the name of its account', async () => {
    await app.repository.commit({ 'c.json': configMap('c', {}) })
    const refused = await sync({ ...application, destination: { ...application.destination, serviceAccount: 'nobody' } })
    assert.equal(refused.outcome, 'failed', told(refused))
    assert.match(refused.problem?.message ?? '', /cannot impersonate resource "serviceaccounts"/)
    assert.match(refused.problem?.fix ?? '', /gitwake rbac/)
  })

  it('leaves a worker that writes nothing itself without a right to write', () => {
    const request = {
      cluster: {},
      applications: [application],
      kinds: KINDS,
      subject: { namespace: 'n', name: 'w' },
      inventoryNamespace: 'inv',
      installation: 'g',
    }
    const writes = rolesFor(request)
      .filter(({ kind }) => kind.endsWith('Role'))
      .map(({ metadata, ...role }) => [metadata.name, JSON.stringify(role)] as const)
      .filter(([, text]) => /create|patch|update|delete|impersonate/.test(text))
    assert.deepEqual(
      writes.map(([name]) => name),
      ['g-inventory', 'g-impersonate'],
    )
    assert.match(writes[1]?.[1] ?? '', /"resourceNames":\["deployer"\],"verbs":\["impersonate"\]/)
  })
})
