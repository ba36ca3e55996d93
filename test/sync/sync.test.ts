import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterConnection } from '../../src/cluster/connect.ts'
import { createDestination } from '../../src/cluster/destination.ts'
import { acquireLease } from '../../src/cluster/lease.ts'
import type { JsonObject } from '../../src/model/json.ts'
import { applySetId, PART_OF_LABEL } from '../../src/model/names.ts'
import type { SyncResult } from '../../src/model/result.ts'
import type { Tried } from '../../src/sync/ports.ts'
import { isDryRun, isWrite } from '../support/audit-log.ts'
import { configMap, openWorkbench, type Workbench } from './workbench.ts'

const MERGE = { contentType: 'application/merge-patch+json' }
const DEPLOYMENT = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: nginx
          env: [{name: A, value: "1"}]
`

function told(result: SyncResult): string {
  return `${result.outcome}: ${result.message} ${JSON.stringify(result.problem ?? '')} ${JSON.stringify(result.changes)}`
}

describe('a sync on a real control plane', { timeout: 300_000 }, () => {
  let bench: Workbench
  before(async () => {
    bench = await openWorkbench()
  })
  after(() => bench.close())

  it('applies a first commit into a namespace that it makes, and repeating it writes nothing', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }), 'web.yaml': DEPLOYMENT })
    const first = await app.sync()
    assert.equal(first.outcome, 'synced', told(first))
    assert.equal(first.counts.created, 3)
    const position = await bench.audit.position()
    const second = await app.sync()
    assert.equal(second.outcome, 'synced', told(second))
    assert.deepEqual(second.counts, { unchanged: 2 })
    const events = (await bench.audit.read({}, position)).filter((event) => isWrite(event))
    assert.deepEqual(
      events.map(({ requestURI }) => requestURI),
      [],
    )
  })

  it('renders and observes nothing for a push that changes nothing it reads', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    await app.sync()
    await app.repository.commit({ '.gitlab/readme.txt': 'no manifest' })
    const position = await bench.audit.position()
    const result = await app.sync({ reason: 'push' })
    assert.equal(result.outcome, 'not affected', told(result))
    assert.equal((await bench.audit.read({}, position)).length, 1)
  })

  it('looks at the cluster for a push that changes nothing it reads where the run before has failed', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    await app.sync()
    await bench.api('DELETE', `/api/v1/namespaces/${app.namespace}/configmaps/a`)
    await app.repository.commit({ '.gitlab/readme.txt': 'no manifest' })
    const result = await app.sync({ reason: 'push', afterFailure: true })
    assert.equal(result.outcome, 'synced', told(result))
    assert.equal(result.counts.created, 1)
  })

  it('names the field, the manager and the time of a hand edit, and undoes it', async () => {
    const app = await bench.subject({ 'web.yaml': DEPLOYMENT })
    await app.sync()
    const path = `/apis/apps/v1/namespaces/${app.namespace}/deployments/web`
    await bench.api('PATCH', path, { spec: { replicas: 5 } }, MERGE)
    const result = await app.sync({ reason: 'drift' })
    assert.equal(result.outcome, 'synced', told(result))
    const drift = result.changes[0]?.drift?.[0]
    assert.equal(drift?.field, 'spec.replicas')
    assert.equal(drift?.manager, 'kubectl-edit')
    assert.match(drift?.at ?? '', /^\d{4}-/)
    assert.match(JSON.stringify(await bench.api('GET', path)), /"replicas":2/)
  })

  it('sees an Apply in its own name with other values, which leaves the owned fields as they were', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    await app.sync()
    const path = `/api/v1/namespaces/${app.namespace}/configmaps/a`
    const live = await bench.api('GET', path)
    const labels = (live.metadata as { labels: object }).labels
    await bench.api(
      'PATCH',
      path,
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', labels }, data: { x: '2' } },
      { contentType: 'application/apply-patch+yaml', manager: 'gitwake' },
    )
    const result = await app.sync({ reason: 'drift' })
    assert.equal(result.counts.configured, 1, told(result))
    assert.match(JSON.stringify(await bench.api('GET', path)), /"x":"1"/)
  })

  it('keeps fields of other managers about which Git is silent, without flip-flop', async () => {
    const app = await bench.subject({ 'web.yaml': DEPLOYMENT.replace('  replicas: 2\n', '') })
    await app.sync()
    const path = `/apis/apps/v1/namespaces/${app.namespace}/deployments/web`
    await bench.api('PATCH', path, { spec: { replicas: 4 } }, { ...MERGE, manager: 'hpa' })
    const first = await app.sync({ reason: 'drift' })
    assert.equal(first.counts.configured, undefined, told(first))
    const position = await bench.audit.position()
    await app.sync({ reason: 'drift' })
    const writes = (await bench.audit.read({}, position)).filter((event) => isWrite(event) && !isDryRun(event))
    assert.equal(writes.length, 0)
    assert.match(JSON.stringify(await bench.api('GET', path)), /"replicas":4/)
  })

  it('heals what a forced apply cannot: an env entry turned from value to valueFrom by hand', async () => {
    const app = await bench.subject({ 'web.yaml': DEPLOYMENT })
    await app.sync()
    const path = `/apis/apps/v1/namespaces/${app.namespace}/deployments/web`
    const env = [
      {
        op: 'replace',
        path: '/spec/template/spec/containers/0/env/0',
        value: { name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      },
    ]
    await bench.api('PATCH', path, env, { contentType: 'application/json-patch+json' })
    const result = await app.sync({ reason: 'drift' })
    assert.equal(result.outcome, 'synced', told(result))
    const live = JSON.stringify(await bench.api('GET', path))
    assert.match(live, /"env":\[\{"name":"A","value":"1"\}\]/)
  })

  it('refuses an invalid change of a live object before anything is written, also where a person set other fields of it', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }), 'web.yaml': DEPLOYMENT })
    await app.sync()
    const path = `/apis/apps/v1/namespaces/${app.namespace}/deployments/web`
    await app.repository.commit({ 'a.json': configMap('a', { x: '2' }), 'web.yaml': DEPLOYMENT.replace('replicas: 2', 'replicas: -2') })
    for (const byHand of [false, true]) {
      if (byHand) await bench.api('PATCH', path, { metadata: { labels: { by: 'hand' } } }, { ...MERGE, manager: 'kubectl-label' })
      const position = await bench.audit.position()
      const planned = await app.plan()
      assert.equal(planned.outcome, 'refused', planned.message)
      const result = await app.sync()
      assert.match(result.message, /^refused, nothing was written/, told(result))
      const writes = (await bench.audit.read({}, position)).filter((event) => isWrite(event) && !isDryRun(event))
      assert.deepEqual(
        writes.map(({ requestURI }) => requestURI),
        [],
      )
    }
  })

  it('adopts what only the fields of the tool before stand in the way of, and warns of nothing that it removes', async () => {
    const valueFrom = DEPLOYMENT.replace('value: "1"', 'valueFrom: {fieldRef: {fieldPath: metadata.name}}')
    const app = await bench.subject({ 'web.yaml': valueFrom })
    await bench.api('POST', '/api/v1/namespaces', { metadata: { name: app.namespace } })
    const env = [
      { name: 'A', value: '1' },
      { name: 'OLD', value: '1' },
    ]
    const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'nginx', env }] } }
    const path = `/apis/apps/v1/namespaces/${app.namespace}/deployments`
    const live = { metadata: { name: 'web' }, spec: { selector: { matchLabels: { app: 'web' } }, template } }
    await bench.api('POST', path, live, { manager: 'kubectl-create' })
    const result = await app.sync()
    assert.equal(result.outcome, 'synced', told(result))
    assert.equal(result.counts.adopted, 1, told(result))
    assert.deepEqual(result.warnings, [])
    assert.match(
      JSON.stringify(await bench.api('GET', `${path}/web`)),
      /"env":\[\{"name":"A","valueFrom":\{"fieldRef":\{[^}]*"fieldPath":"metadata.name"\}\}\}\]/,
    )
  })

  it('removes what a person added only where the application says so, and only once', async () => {
    for (const undeclared of ['report', 'remove'] as const) {
      const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) }, { undeclared })
      await app.sync()
      const path = `/api/v1/namespaces/${app.namespace}/configmaps/a`
      await bench.api('PATCH', path, { data: { hand: 'made' } }, MERGE)
      const result = await app.sync({ reason: 'drift' })
      assert.equal(result.counts.configured, undeclared === 'remove' ? 1 : undefined, told(result))
      assert.equal(/"hand"/.test(JSON.stringify((await bench.api('GET', path)).data)), undeclared === 'report')
      assert.deepEqual((await app.sync({ reason: 'drift' })).counts, { unchanged: 1 })
    }
  })

  it('creates only if absent: an unlabelled object is adopted, and told so', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }), 'b.json': configMap('b', { y: '1' }) })
    await bench.api('POST', '/api/v1/namespaces', { metadata: { name: app.namespace } })
    await bench.api(
      'POST',
      `/api/v1/namespaces/${app.namespace}/configmaps`,
      { metadata: { name: 'a' }, data: { x: 'old', hand: 'made' } },
      { manager: 'somebody' },
    )
    const result = await app.sync()
    assert.equal(result.outcome, 'synced', told(result))
    const adopted = result.changes.find(({ action }) => action === 'adopted')
    assert.equal(adopted?.object.name, 'a')
    assert.match(adopted?.reason ?? '', /somebody/)
  })

  it('refuses the object of another application, and nothing of the first is lost', async () => {
    const one = await bench.subject({ 'a.json': configMap('a', { x: 'one' }) })
    await one.sync()
    const manifest = JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a', namespace: one.namespace },
      data: { x: 'two' },
    })
    const two = await bench.subject({ 'a.json': manifest, 'b.json': configMap('b', { y: '1' }) })
    const result = await two.sync()
    assert.equal(result.outcome, 'failed', told(result))
    assert.match(result.problem?.message ?? '', new RegExp(`owned by application ${one.application.name}`))
    const path = `/api/v1/namespaces/${one.namespace}/configmaps/a`
    assert.match(JSON.stringify(await bench.api('GET', path)), /"x":"one"/)
    const absent = await bench.api('GET', `/api/v1/namespaces/${two.namespace}/configmaps/b`, undefined, { mayFail: true })
    assert.equal(absent.code, 404, 'all or nothing')
  })

  it('counts nothing as done that a refused sync never wrote', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }), 'b.json': configMap('b', { x: '1' }) })
    await app.sync()
    await app.repository.commit({
      'a.json': configMap('a', { x: '2' }),
      'b.json': null,
      'web.yaml': DEPLOYMENT.replace('replicas', 'replcias'),
    })
    const result = await app.sync()
    assert.equal(result.outcome, 'failed', told(result))
    assert.deepEqual(result.counts, { failed: 1, skipped: 2 }, told(result))
    assert.match(told(result), /not written, because the sync ended before: not in Git any more/)
  })

  it('refuses a typo before the first write, naming file and field', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }), 'web.yaml': DEPLOYMENT.replace('replicas', 'replcias') })
    const position = await bench.audit.position()
    const result = await app.sync()
    assert.equal(result.outcome, 'failed', told(result))
    assert.match(result.problem?.message ?? '', /replcias/)
    const writes = (await bench.audit.read({}, position)).filter((event) => isWrite(event) && !isDryRun(event))
    assert.deepEqual(
      writes.map(({ requestURI }) => requestURI),
      [],
    )
  })

  it('judges a value before the first write where its namespace is there, and at the apply where that comes with the commit', async () => {
    const invalid = DEPLOYMENT.replace('replicas: 2', 'replicas: -2')
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }), 'web.yaml': invalid })
    const late = await app.sync()
    assert.equal(late.problem?.code, 'apply-failed', told(late))
    assert.match(late.problem.message, /spec\.replicas/)

    await app.repository.commit({ 'a.json': configMap('a', { x: '2' }) })
    const early = await app.sync()
    assert.equal(early.problem?.code, 'refused', told(early))
    assert.match(early.message, /nothing was written/)
  })

  it('prunes what Git no longer has, and only what it owns', async () => {
    const app = await bench.subject({
      'a.json': configMap('a', { x: '1' }),
      'b.json': configMap('b', { x: '1' }),
      'c.json': configMap('c', { x: '1' }),
    })
    await app.sync()
    const a = await bench.api('GET', `/api/v1/namespaces/${app.namespace}/configmaps/a`)
    const labels = (a.metadata as { labels: object }).labels
    await bench.api(
      'POST',
      `/api/v1/namespaces/${app.namespace}/configmaps`,
      { metadata: { name: 'child', labels } },
      { manager: 'operator' },
    )
    await app.repository.commit({ 'c.json': null })
    const result = await app.sync()
    assert.equal(result.counts.pruned, 1, told(result))
    assert.equal((await bench.api('GET', `/api/v1/namespaces/${app.namespace}/configmaps/c`, undefined, { mayFail: true })).code, 404)
    assert.equal((await bench.api('GET', `/api/v1/namespaces/${app.namespace}/configmaps/child`)).kind, 'ConfigMap')
  })

  it('prunes an object that a controller goes on writing to meanwhile', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }), 'b.json': configMap('b', { x: '1' }) })
    await app.sync()
    await app.repository.commit({ 'b.json': null })
    const path = `/api/v1/namespaces/${app.namespace}/configmaps/b`
    let writes = 0
    const busy: typeof bench.destination = {
      ...bench.destination,
      delete: async (...parts) => {
        if (++writes <= 3) await bench.api('PATCH', path, { data: { by: `a controller, ${writes}` } }, { ...MERGE, manager: 'controller' })
        return await bench.destination.delete(...parts)
      },
    }
    const result = await app.sync({ destination: busy })
    assert.deepEqual([result.outcome, result.counts.pruned], ['synced', 1], told(result))
    assert.equal((await bench.api('GET', path, undefined, { mayFail: true })).code, 404)
  })

  it('holds an empty render and a missing path, and prunes exactly what was confirmed', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }), 'b.json': configMap('b', { x: '1' }) })
    await app.sync()
    await app.repository.commit({ 'a.json': null, 'b.json': null, 'readme.md': 'empty' })
    const held = await app.sync()
    assert.equal(held.outcome, 'held', told(held))
    assert.equal(held.counts.held, 2)
    const wrong = await app.sync({ confirmedPlan: 'something-else' })
    assert.equal(wrong.outcome, 'held', told(wrong))
    const done = await app.sync({ ...(held.plan !== undefined && { confirmedPlan: held.plan }) })
    assert.equal(done.counts.pruned, 2, told(done))
  })

  it('brings a CRD, a namespace, a role and a custom resource in one commit at the first try', async () => {
    const group = `g${process.pid}.example.org`
    const older = createDestination(bench.connection, { inventoryNamespace: bench.inventoryNamespace, holder: 'older', version: 'test' })
    await older.catalog({ refresh: true }, AbortSignal.timeout(10_000))
    const documents = [
      `{apiVersion: ${group}/v1, kind: Widget, metadata: {name: w, namespace: widgets-${process.pid}}, spec: {size: 3}}`,
      `{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r, namespace: widgets-${process.pid}}, rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]}`,
      `{apiVersion: v1, kind: Namespace, metadata: {name: widgets-${process.pid}}}`,
      JSON.stringify({
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: `widgets.${group}` },
        spec: {
          group,
          scope: 'Namespaced',
          names: { kind: 'Widget', plural: 'widgets', singular: 'widget', listKind: 'WidgetList' },
          versions: [
            {
              name: 'v1',
              served: true,
              storage: true,
              schema: {
                openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } } },
              },
            },
          ],
        },
      }),
    ]
    const app = await bench.subject({ 'all.yaml': documents.join('\n---\n') })
    const result = await app.sync()
    assert.equal(result.outcome, 'synced', told(result))
    const again = await app.sync()
    assert.deepEqual(again.counts, { unchanged: 4 }, told(again))

    const [, ...others] = documents
    await app.repository.commit({ 'all.yaml': others.join('\n---\n') })
    const pruned = await app.sync({ destination: older })
    assert.equal(pruned.counts.pruned, 1, `a worker that did not know the kind yet: ${told(pruned)}`)
  })

  it('finds its objects again when the inventory is lost, and prunes nothing until one clean sync', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }), 'b.json': configMap('b', { x: '1' }) })
    await app.sync()
    await bench.api('DELETE', `/api/v1/namespaces/${bench.inventoryNamespace}/secrets/gitwake-${app.application.name}`)
    await app.repository.commit({ 'b.json': null })
    const result = await app.sync()
    assert.equal(result.outcome, 'synced', told(result))
    assert.equal(result.counts.adopted, 1)
    assert.equal((await bench.api('GET', `/api/v1/namespaces/${app.namespace}/configmaps/b`)).kind, 'ConfigMap')
  })

  it('prunes an intended object that a crash left behind, and no older one of that name', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }), 'b.json': configMap('b', { x: '1' }) })
    await bench.api('POST', '/api/v1/namespaces', { metadata: { name: app.namespace } })
    // A crash right after the objects were written: nothing but the widened inventory is left.
    let writes = 0
    const crashing = {
      ...bench.destination,
      writeInventory: (...parts: Parameters<typeof bench.destination.writeInventory>) =>
        ++writes === 1 ? bench.destination.writeInventory(...parts) : Promise.reject(new Error('killed')),
    }
    const crashed = await app.sync({ destination: crashing })
    assert.equal(crashed.outcome, 'failed', told(crashed))
    await app.repository.commit({ 'b.json': null })
    const result = await app.sync()
    assert.equal(result.outcome, 'synced', told(result))
    assert.equal((await bench.api('GET', `/api/v1/namespaces/${app.namespace}/configmaps/b`, undefined, { mayFail: true })).code, 404)
  })

  it('lets one worker write an application at a time', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    const lease = await acquireLease(bench.connection, {
      namespace: bench.inventoryNamespace,
      application: app.application.name,
      holder: 'other',
      signal: AbortSignal.timeout(10_000),
    })
    const refused = await app.sync()
    assert.equal(refused.problem?.code, 'lease-held', told(refused))
    assert.equal(refused.problem?.retryable, true)
    await lease.release()
    assert.throws(() => lease.guard(), /given back/)
    const done = await app.sync()
    assert.equal(done.outcome, 'synced', told(done))
  })

  it('gives the right to write back although the sync was told to stop', async () => {
    const stop = new AbortController()
    const lease = (holder: string, signal: AbortSignal) =>
      acquireLease(bench.connection, { namespace: bench.inventoryNamespace, application: 'stopped', holder, signal })
    const first = await lease('first', stop.signal)
    stop.abort()
    await first.release()
    await (await lease('second', AbortSignal.timeout(10_000))).release()
  })

  it('has ended every write when it gives the right to write back, although one of them broke', async () => {
    const names = ['a', 'b', 'c', 'd']
    const app = await bench.subject(Object.fromEntries(names.map((name) => [`${name}.json`, configMap(name, { x: '1' })])))
    let writing = 0
    let writingAtRelease = -1
    const result = await app.sync({
      destination: {
        ...bench.destination,
        async apply(operation, ...rest) {
          if (operation.manifest.metadata.name === 'a') throw new Error('broken')
          writing += 1
          return await bench.destination.apply(operation, ...rest).finally(() => (writing -= 1))
        },
        async acquireLease(...parts) {
          const lease = await bench.destination.acquireLease(...parts)
          return {
            guard: () => lease.guard(),
            release: () => {
              writingAtRelease = writing
              return lease.release()
            },
          }
        },
      },
    })
    assert.equal(result.outcome, 'failed', told(result))
    assert.equal(writingAtRelease, 0)
  })

  it('never goes back to what it had planned before another worker finished a newer commit', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    await app.sync()
    await app.repository.commit({ 'a.json': configMap('a', { x: '2' }) })
    const stale = await app.sync({
      destination: {
        ...bench.destination,
        async acquireLease(...parts) {
          await app.repository.commit({ 'a.json': configMap('a', { x: '3' }) })
          assert.equal((await app.sync()).outcome, 'synced')
          return await bench.destination.acquireLease(...parts)
        },
      },
    })
    assert.equal(stale.problem?.code, 'inventory-conflict', told(stale))
    assert.match(JSON.stringify(await bench.api('GET', `/api/v1/namespaces/${app.namespace}/configmaps/a`)), /"x":"3"/)
  })

  it('does not take a revert for nothing new after a crash in the middle of the commit that it reverts', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    await app.sync()
    await app.repository.commit({ 'a.json': configMap('a', { x: '2' }) })
    let writes = 0
    const crashing: typeof bench.destination = {
      ...bench.destination,
      async apply(...parts) {
        await bench.destination.apply(...parts)
        throw new Error('killed')
      },
      writeInventory: (...parts) => (++writes === 1 ? bench.destination.writeInventory(...parts) : Promise.reject(new Error('killed'))),
    }
    await app.sync({ destination: crashing })
    await app.repository.revert()
    const result = await app.sync({ reason: 'push' })
    assert.equal(result.outcome, 'synced', told(result))
    assert.match(JSON.stringify(await bench.api('GET', `/api/v1/namespaces/${app.namespace}/configmaps/a`)), /"x":"1"/)
  })

  it('goes on where another application made the common namespace a moment before', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    const result = await app.sync({
      destination: {
        ...bench.destination,
        async acquireLease(...parts) {
          await bench.api('POST', '/api/v1/namespaces', { metadata: { name: app.namespace } })
          return await bench.destination.acquireLease(...parts)
        },
      },
    })
    assert.equal(result.outcome, 'synced', told(result))
  })

  it('writes nothing while the API server refuses one object for a time only, and says that it tries again', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }), 'b.json': configMap('b', { x: '1' }) })
    const result = await app.sync({
      destination: {
        ...bench.destination,
        dryRun: (operation, ...rest) =>
          operation.manifest.metadata.name === 'a'
            ? Promise.resolve({ ok: false, class: 'forbidden', message: 'exceeded quota', retryable: true })
            : bench.destination.dryRun(operation, ...rest),
      },
    })
    assert.equal(result.outcome, 'failed', told(result))
    assert.equal(result.problem?.retryable, true)
    assert.equal((await bench.api('GET', `/api/v1/namespaces/${app.namespace}/configmaps/b`, undefined, { mayFail: true })).code, 404)
  })

  it('prunes nothing while an object of the commit is refused, although the rest is applied', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }), 'b.json': configMap('b', { x: '1' }) }, { partial: true })
    await app.sync()
    const typo = DEPLOYMENT.replace('replicas', 'replcias')
    await app.repository.commit({ 'a.json': configMap('a', { x: '2' }), 'b.json': null, 'web.yaml': typo })
    const result = await app.sync()
    assert.equal(result.outcome, 'failed', told(result))
    assert.equal(result.counts.configured, 1, told(result))
    assert.equal((await bench.api('GET', `/api/v1/namespaces/${app.namespace}/configmaps/b`)).kind, 'ConfigMap')
  })

  it('asks once for all applications that sync at the same moment, and tells each what is its own', async () => {
    const apps = await Promise.all(
      [1, 2, 3, 4].map((number) =>
        bench.subject({ 'a.json': configMap('a', { x: String(number) }), [`own-${number}.json`]: configMap(`own-${number}`, {}) }),
      ),
    )
    for (const app of apps) await app.sync()
    const [broken, drifting] = apps
    assert.ok(broken && drifting)
    const secret = `/api/v1/namespaces/${bench.inventoryNamespace}/secrets/gitwake-${broken.application.name}`
    await bench.api('PATCH', secret, { data: { inventory: 'bm90IGd6aXA=' } }, MERGE)
    await bench.api('PATCH', `/api/v1/namespaces/${drifting.namespace}/configmaps/a`, { data: { x: 'other' } }, MERGE)
    const position = await bench.audit.position()
    const [unreadable, drifted, ...others] = await Promise.all(apps.map((app) => app.sync()))
    const lists = (await bench.audit.read({ resource: 'secrets', verbs: ['list'] }, position)).length
    assert.equal(lists, 1)
    assert.equal(unreadable?.problem?.code, 'inventory-unreadable')
    assert.deepEqual(drifted?.counts, { configured: 1, unchanged: 1 })
    for (const other of others) assert.deepEqual(other.counts, { unchanged: 2 }, told(other))
  })

  it('judges manifests before their namespace exists, and the API server waits for none', async () => {
    const typo = DEPLOYMENT.replace('replicas', 'replcias')
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }), 'web.yaml': typo })
    const position = await bench.audit.position()
    const refused = await app.sync()
    assert.match(refused.problem?.message ?? '', /replcias/, told(refused))
    const answers = (await bench.audit.read({ userAgent: 'gitwake/', resource: 'configmaps', verbs: ['patch'] }, position)).filter(isDryRun)
    // 404 would be the answer after the API server's pause for a namespace that may be new.
    assert.deepEqual(
      answers.map(({ responseStatus }) => responseStatus?.code),
      [409],
    )
    await app.repository.commit({ 'web.yaml': DEPLOYMENT })
    assert.equal((await app.sync()).outcome, 'synced')
  })

  it('takes a Lease that it gave back without a look, unless somebody has had it since', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    await app.sync()
    await app.repository.commit({ 'a.json': configMap('a', { x: '2' }) })
    const position = await bench.audit.position()
    assert.equal((await app.sync()).outcome, 'synced')
    const leases = await bench.audit.read({ resource: 'leases' }, position)
    assert.deepEqual(
      leases.map(({ verb }) => verb),
      ['update', 'update'],
    )
    const signal = AbortSignal.timeout(10_000)
    const name = app.application.name
    const other = await acquireLease(bench.connection, { namespace: bench.inventoryNamespace, application: name, holder: 'other', signal })
    await app.repository.commit({ 'a.json': configMap('a', { x: '3' }) })
    const refused = await app.sync()
    assert.equal(refused.problem?.code, 'lease-held', told(refused))
    await other.release()
    assert.equal((await app.sync()).outcome, 'synced')
  })

  it('renews a Lease that waited long for its turn before it is used', async () => {
    const sent: string[] = []
    const connection: ClusterConnection = {
      ...bench.connection,
      async request(request) {
        if (sent.push(request.method) === 1) await sleep(2_600)
        return await bench.connection.request(request)
      },
    }
    const { inventoryNamespace: namespace } = bench
    const lease = await acquireLease(connection, { namespace, application: 'late', holder: 'one', signal: AbortSignal.timeout(20_000) })
    lease.guard()
    assert.deepEqual(sent, ['POST', 'PUT'])
    await lease.release()
  })

  it('deletes exactly the object that it saw: one that was made anew in between survives', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }), 'b.json': configMap('b', { x: '1' }) })
    await app.sync()
    await app.repository.commit({ 'b.json': null })
    const path = `/api/v1/namespaces/${app.namespace}/configmaps`
    const result = await app.sync({
      destination: {
        ...bench.destination,
        async delete(...parts) {
          const { labels } = (await bench.api('GET', `${path}/b`)).metadata as { labels: object }
          await bench.api('DELETE', `${path}/b`)
          await bench.api('POST', path, { metadata: { name: 'b', labels }, data: { hand: 'made' } })
          return await bench.destination.delete(...parts)
        },
      },
    })
    assert.equal(result.outcome, 'synced', told(result))
    assert.match(JSON.stringify(await bench.api('GET', `${path}/b`)), /"hand":"made"/)
  })

  it('keeps track of what it deleted until its finalizers let go', async () => {
    const held = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b', finalizers: ['example.org/hold'] } }
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }), 'b.json': JSON.stringify(held) })
    await app.sync()
    await app.repository.commit({ 'b.json': null })
    const pruned = await app.sync()
    assert.match(pruned.changes[0]?.reason ?? '', /waits for its finalizers/, told(pruned))
    const tracked = async () => {
      const stored = await bench.destination.readInventory(app.application.name, AbortSignal.timeout(10_000))
      return [...(stored?.inventory.entries.values() ?? [])].map(({ object }) => object.name)
    }
    assert.deepEqual((await tracked()).sort(), ['a', 'b'])
    const hanging = await app.sync()
    assert.equal(hanging.outcome, 'synced', told(hanging))
    assert.match(hanging.changes[0]?.reason ?? '', /being deleted since \d{4}-.*waits for its finalizers \(example.org\/hold\)/)
    await bench.api('PATCH', `/api/v1/namespaces/${app.namespace}/configmaps/b`, { metadata: { finalizers: null } }, MERGE)
    await app.sync()
    assert.deepEqual(await tracked(), ['a'])
  })

  it('asks together about a manifest that many applications have in common, and tells each its own refusal', async () => {
    const { signal } = new AbortController()
    const resource = (await bench.destination.catalog({ refresh: false }, signal)).preferred({ group: '', kind: 'ConfigMap' })
    assert.ok(resource)
    const namespaces = Array.from({ length: 12 }, (_, index) => `${bench.inventoryNamespace}-${index}`)
    const judge = (namespace: string, more: JsonObject, name = 'common'): Promise<Tried> => {
      const metadata = { name, namespace, labels: { app: 'a', [PART_OF_LABEL]: applySetId(namespace, bench.inventoryNamespace) } }
      const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata, ...more }
      const operation = { verb: 'apply', manifest, expect: 'absent', takeOver: false } as const
      return bench.destination.dryRun(operation, resource, { awaitsNamespace: true, compare: false, signal })
    }
    const since = await bench.audit.position()
    const same = await Promise.all(namespaces.map((namespace) => judge(namespace, { data: { x: '1' } })))
    assert.ok(same.every(({ ok }) => ok))
    assert.equal((await bench.audit.read({}, since)).filter(isDryRun).length, 2)
    await Promise.all([judge('a', { data: { x: '1' } }), judge('b', { data: { x: '2' } }), judge('c', { data: { x: '1' } }, 'other')])
    assert.equal((await bench.audit.read({}, since)).filter(isDryRun).length, 5)
    const refused = await Promise.all(namespaces.map((namespace) => judge(namespace, { dta: { x: '1' } })))
    for (const [index, answer] of refused.entries()) assert.match(answer.ok ? '' : answer.message, new RegExp(`${namespaces[index]}/.*dta`))
  })

  it('leaves for the apply what a dry-run cannot tell: a webhook that is not up yet, and a role of the same commit', async () => {
    const role = JSON.stringify({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'r' }, rules: [] })
    const refusing = (name: string, kind: string): typeof bench.destination => ({
      ...bench.destination,
      dryRun: (operation, ...rest) =>
        operation.manifest.metadata.name === name
          ? Promise.resolve({ ok: false, class: kind, message: kind, retryable: false })
          : bench.destination.dryRun(operation, ...rest),
    })
    for (const [kind, files, outcome] of [
      ['webhook-failed', {}, 'synced'],
      ['dry-run-unsupported', {}, 'synced'],
      ['forbidden', { 'role.json': role }, 'synced'],
      ['forbidden', {}, 'failed'],
    ] as const) {
      const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }), ...files })
      const result = await app.sync({ destination: refusing('a', kind) })
      assert.equal(result.outcome, outcome, `${kind} with ${JSON.stringify(files)}: ${told(result)}`)
    }
  })

  it('refuses an application of another installation', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    await app.sync()
    const result = await app.sync({ install: 'other' })
    assert.equal(result.problem?.code, 'owned-by-other-install', told(result))
  })

  it('writes nothing more once a newer commit has arrived', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    let isNewer = false
    const result = await app.sync({
      superseded: () => Promise.resolve(isNewer),
      destination: {
        ...bench.destination,
        acquireLease: (...parts) => {
          isNewer = true
          return bench.destination.acquireLease(...parts)
        },
      },
    })
    assert.equal(result.outcome, 'superseded', told(result))
    assert.equal((await bench.api('GET', `/api/v1/namespaces/${app.namespace}/configmaps/a`, undefined, { mayFail: true })).code, 404)
  })

  it('does not call a push not affected while an announced object is not settled', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    await app.sync()
    const signal = AbortSignal.timeout(10_000)
    const stored = await bench.destination.readInventory(app.application.name, signal)
    assert.ok(stored)
    const entries = new Map(
      [...stored.inventory.entries].map(([key, { object, version }]) => [
        key,
        { status: 'intended', object, version, since: '2020-01-01T00:00:00Z' } as const,
      ]),
    )
    await bench.destination.writeInventory({ ...stored.inventory, entries }, stored, { signal })
    const result = await app.sync({ reason: 'push' })
    assert.equal(result.outcome, 'synced', told(result))
  })
})
