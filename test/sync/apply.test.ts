import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { SyncResult } from '../../src/model/result.ts'
import { configMap, openWorkbench, type Workbench } from './workbench.ts'

function told(result: SyncResult): string {
  return `${result.outcome}: ${result.message} ${JSON.stringify(result.problem ?? '')} ${JSON.stringify(result.changes)}`
}

function workload(name: string, spec: object): string {
  const containers = [{ name: 'main', image: 'nginx' }]
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers, ...spec } },
    },
  })
}

describe('applying on a real control plane', { timeout: 300_000 }, () => {
  let bench: Workbench
  before(async () => {
    bench = await openWorkbench()
  })
  after(() => bench.close())

  const read = async (namespace: string, resource: string, name: string) =>
    await bench.api('GET', `/api${resource === 'deployments' ? 's/apps' : ''}/v1/namespaces/${namespace}/${resource}/${name}`, undefined, {
      mayFail: true,
    })

  it('applies with partial what can be applied, keeps back only what needs the failed, and prunes nothing', async () => {
    for (const preflight of [true, false]) {
      const app = await bench.subject({ 'old.json': configMap('old', { x: '1' }) }, { partial: true, preflight })
      await app.sync()
      await app.repository.commit({
        'old.json': null,
        'wrong.json': JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'wrong' }, dtaa: { x: '1' } }),
        'right.json': configMap('right', { x: '1' }),
        'waits.json': workload('waits', { volumes: [{ name: 'v', configMap: { name: 'wrong' } }] }),
        'runs.json': workload('runs', { volumes: [{ name: 'v', configMap: { name: 'right' } }] }),
      })
      const result = await app.sync()
      assert.equal(result.outcome, 'failed', told(result))
      assert.deepEqual(result.counts, { failed: 1, created: 2, skipped: 2 }, told(result))
      assert.match(told(result), /blocked by ConfigMap\/[^/]+\/wrong, which failed/)
      assert.equal((await read(app.namespace, 'deployments', 'runs')).kind, 'Deployment')
      assert.equal((await read(app.namespace, 'deployments', 'waits')).code, 404)
      assert.equal((await read(app.namespace, 'configmaps', 'old')).kind, 'ConfigMap')
      await app.repository.commit({ 'wrong.json': configMap('wrong', { x: '1' }) })
      const mended = await app.sync()
      assert.deepEqual(mended.counts, { created: 2, unchanged: 2, pruned: 1 }, told(mended))
    }
  })

  const FORCE = { 'gitwake.dev/force': 'enabled' }
  const fixed = (data: object, annotations: object = FORCE) =>
    JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'fixed', annotations }, immutable: true, data })
  const deletes = async (position: number) => (await bench.audit.read({}, position)).filter(({ verb }) => verb === 'delete')

  it('deletes and creates anew what cannot be changed only where Git asks for it, and says so before', async () => {
    for (const preflight of [true, false]) {
      const app = await bench.subject({ 'a.json': fixed({ x: '1' }, {}) }, { preflight })
      await app.sync()
      await app.repository.commit({ 'a.json': fixed({ x: '2' }, {}) })
      const position = await bench.audit.position()
      const refused = await app.sync()
      assert.equal(refused.outcome, 'failed', told(refused))
      assert.match(refused.problem?.fix ?? '', /gitwake.dev\/force: enabled/)
      assert.deepEqual(await deletes(position), [])
      const before = await read(app.namespace, 'configmaps', 'fixed')
      await app.repository.commit({ 'a.json': fixed({ x: '2' }) })
      const result = await app.sync()
      assert.deepEqual(result.counts, { recreated: 1 }, told(result))
      assert.match(told(result), /deleted and created anew, because .*immutable/)
      const live = await read(app.namespace, 'configmaps', 'fixed')
      assert.deepEqual(live.data, { x: '2' })
      assert.notEqual((live.metadata as { uid: string }).uid, (before.metadata as { uid: string }).uid)
      assert.deepEqual((await app.sync()).counts, { unchanged: 1 })
    }
  })

  it('waits for the old Pods of a workload, and never deletes what Git has only mistyped or what would be refused again', async () => {
    const web = (selector: string, replicas: number) => {
      const manifest = JSON.parse(workload('web', {})) as { metadata: object; spec: { selector: object; template: { metadata: object } } }
      const labels = { app: selector }
      const template = { ...manifest.spec.template, metadata: { labels } }
      const spec = { ...manifest.spec, replicas, selector: { matchLabels: labels }, template }
      return JSON.stringify({ ...manifest, metadata: { name: 'web', annotations: FORCE }, spec })
    }
    const app = await bench.subject({ 'web.json': web('one', 1) })
    await app.sync()
    const position = await bench.audit.position()
    for (const wrong of [
      web('one', -1),
      web('two', -1),
      web('two', 1).replace('"nginx"', '"nginx","x":1'),
      web('two', 1).replace('nginx', ''),
    ]) {
      await app.repository.commit({ 'web.json': wrong })
      const result = await app.sync()
      assert.equal(result.outcome, 'failed', told(result))
    }
    assert.deepEqual(await deletes(position), [])
    await app.repository.commit({ 'web.json': web('two', 1) })
    const result = await app.sync()
    assert.deepEqual(result.counts, { recreated: 1 }, told(result))
    const [deletion] = await deletes(position)
    assert.match(JSON.stringify(deletion), /deployments\/web/)
    assert.match(JSON.stringify(await read(app.namespace, 'deployments', 'web')), /"matchLabels":\{"app":"two"\}/)
  })

  it('deletes nothing whose successor an admission policy would refuse', async () => {
    const app = await bench.subject({ 'a.json': fixed({ x: '1' }) })
    await app.sync()
    const name = `no-new-${process.pid}`
    const policies = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies'
    await bench.api('POST', policies, {
      metadata: { name },
      spec: {
        matchConstraints: { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }] },
        validations: [{ expression: `object.metadata.namespace != '${app.namespace}'`, message: 'nothing new here' }],
      },
    })
    await bench.api('POST', `${policies.slice(0, -'policies'.length)}policybindings`, {
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'] },
    })
    const collection = `/api/v1/namespaces/${app.namespace}/configmaps`
    // A new policy takes the API server a moment.
    for (let probe = 0, status: unknown = ''; status !== 'Failure'; probe += 1) {
      status = (await bench.api('POST', collection, { metadata: { name: `probe-${probe}` } }, { mayFail: true })).status
    }
    await app.repository.commit({ 'a.json': fixed({ x: '2' }) })
    const position = await bench.audit.position()
    const result = await app.sync()
    assert.equal(result.outcome, 'failed', told(result))
    assert.match(told(result), /immutable.*; it is not deleted for that, because the new one is refused: .*nothing new here/)
    assert.deepEqual(await deletes(position), [])
  })

  it('never recreates a claim, whatever its annotation says', async () => {
    const claim = (modes: readonly string[]) =>
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'data', annotations: FORCE },
        spec: { accessModes: modes, resources: { requests: { storage: '1Gi' } } },
      })
    const app = await bench.subject({ 'data.json': claim(['ReadWriteOnce']) })
    await app.sync()
    await app.repository.commit({ 'data.json': claim(['ReadWriteMany']) })
    const position = await bench.audit.position()
    assert.equal((await app.sync()).outcome, 'failed')
    assert.deepEqual(await deletes(position), [])
  })

  it('converges where a crash comes between deletion and creation, and forgets neither object', async () => {
    for (const crashed of ['before the deletion', 'before the creation', 'after the creation'] as const) {
      for (const next of ['again', 'removed'] as const) {
        const app = await bench.subject({ 'a.json': fixed({ x: '1' }), 'b.json': configMap('b', { x: '1' }) })
        await app.sync()
        await app.repository.commit({ 'a.json': fixed({ x: '2' }) })
        const killed = () => Promise.reject(new Error('killed'))
        let writes = 0
        const result = await app.sync({
          destination: {
            ...bench.destination,
            ...(crashed === 'before the deletion' && { delete: killed }),
            ...(crashed === 'before the creation' && { apply: killed }),
            writeInventory: (...parts) => (++writes === 1 ? bench.destination.writeInventory(...parts) : killed()),
          },
        })
        assert.equal(result.outcome, 'failed', told(result))
        if (next === 'removed') await app.repository.commit({ 'a.json': null })
        const after = await app.sync()
        assert.equal(after.outcome, 'synced', `${crashed}, ${next}: ${told(after)}`)
        const live = await read(app.namespace, 'configmaps', 'fixed')
        if (next === 'removed') assert.equal(live.code, 404, `${crashed}: ${told(after)}`)
        else assert.deepEqual(live.data, { x: '2' }, `${crashed}: ${told(after)}`)
      }
    }
  })

  const LAST = 'kubectl.kubernetes.io/last-applied-configuration'
  /** How each tool writes, under the names of the real ones, and the marks that it leaves. */
  const TOOLS: readonly { readonly manager: string; readonly apply: boolean; readonly labels?: object; readonly annotations?: object }[] = [
    { manager: 'kubectl-client-side-apply', apply: false, annotations: { [LAST]: '{"data":{"x":"1","gone":"1"}}' } },
    { manager: 'before-first-apply', apply: false },
    { manager: 'kubectl', apply: true },
    {
      manager: 'kustomize-controller',
      apply: true,
      labels: { 'kustomize.toolkit.fluxcd.io/name': 'apps', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' },
    },
    { manager: 'argocd-controller', apply: true, annotations: { 'argocd.argoproj.io/tracking-id': 'shop:/ConfigMap:shop/a' } },
    {
      manager: 'argocd-application-controller',
      apply: false,
      labels: { 'app.kubernetes.io/instance': 'shop' },
      annotations: { [LAST]: '{"data":{"x":"1","gone":"1"}}' },
    },
    { manager: 'helm', apply: false, annotations: { 'meta.helm.sh/release-name': 'shop', 'meta.helm.sh/release-namespace': 'shop' } },
  ]
  for (const { manager, apply, labels, annotations } of TOOLS) {
    it(`changes and prunes what ${manager} ${apply ? 'applied' : 'wrote'} like its own, and its marks go`, async () => {
      const app = await bench.subject({ 'a.json': configMap('a', { x: '1', later: '1' }), 'b.json': configMap('b', { x: '1' }) })
      await bench.api('POST', '/api/v1/namespaces', { metadata: { name: app.namespace } })
      const collection = `/api/v1/namespaces/${app.namespace}/configmaps`
      const metadata = { name: 'a', ...(labels && { labels }), ...(annotations && { annotations }) }
      const theirs = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { x: '1', later: '1', gone: '1' } }
      if (apply) await bench.api('PATCH', `${collection}/a`, theirs, { contentType: 'application/apply-patch+yaml', manager })
      else await bench.api('POST', collection, theirs, { manager })
      // A controller's field is nobody's to take.
      await bench.api(
        'PATCH',
        `${collection}/a`,
        { data: { kept: '1' } },
        { contentType: 'application/merge-patch+json', manager: 'operator' },
      )
      const adopted = await app.sync()
      assert.deepEqual(adopted.counts, { adopted: 1, created: 1 }, told(adopted))
      const live = await read(app.namespace, 'configmaps', 'a')
      assert.deepEqual(live.data, { x: '1', later: '1', kept: '1' })
      assert.deepEqual(Object.keys((live.metadata as { labels: object }).labels), ['applyset.kubernetes.io/part-of'])
      assert.equal((live.metadata as { annotations?: object }).annotations, undefined)
      await app.repository.commit({ 'a.json': configMap('a', { x: '1' }) })
      assert.equal((await app.sync()).counts.configured, 1)
      assert.deepEqual((await read(app.namespace, 'configmaps', 'a')).data, { x: '1', kept: '1' })
      await app.repository.commit({ 'a.json': null })
      assert.equal((await app.sync()).counts.pruned, 1)
      assert.equal((await read(app.namespace, 'configmaps', 'a')).code, 404)
    })
  }
})
