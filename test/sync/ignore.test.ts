import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { IgnoreRule } from '../../src/model/configuration.ts'
import { isJsonObject, type JsonObject } from '../../src/model/json.ts'
import { parsePointer } from '../../src/model/pointer.ts'
import type { SyncResult } from '../../src/model/result.ts'
import { isDryRun, isWrite } from '../support/audit-log.ts'
import { configMap, openWorkbench, type Subject, type Workbench } from './workbench.ts'

const MERGE = { contentType: 'application/merge-patch+json' }
const leave = (fields: readonly string[], managers: readonly string[] = []): { ignore: readonly IgnoreRule[] } => ({
  ignore: [{ fields: fields.map((field) => parsePointer(field) ?? []), managers }],
})
const web = (replicas: number, image = 'nginx'): string =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image }] } },
    },
  })
const told = (result: SyncResult): string => `${result.outcome}: ${result.message} ${JSON.stringify(result.changes)}`
const part = (object: JsonObject, name: string): JsonObject => (isJsonObject(object[name]) ? object[name] : {})

describe('fields that are left to others', { timeout: 300_000 }, () => {
  let bench: Workbench
  before(async () => {
    bench = await openWorkbench()
  })
  after(() => bench.close())

  const deployment = ({ namespace }: Subject): string => `/apis/apps/v1/namespaces/${namespace}/deployments/web`
  const config = ({ namespace }: Subject, name = 'a'): string => `/api/v1/namespaces/${namespace}/configmaps/${name}`
  const replicas = async (app: Subject) => part(await bench.api('GET', deployment(app)), 'spec').replicas
  const scale = async (app: Subject, count: number) =>
    await bench.api('PATCH', `${deployment(app)}/scale`, { spec: { replicas: count } }, { ...MERGE, manager: 'horizontal-pod-autoscaler' })
  const writes = async (position: number, resource: string) =>
    (await bench.audit.read({}, position)).filter(
      (event) => isWrite(event) && !isDryRun(event) && event.requestURI.includes(`/${resource}`) && !event.requestURI.includes('/scale'),
    )

  it('lets an autoscaler have the replicas that Git declares, over ten sweeps and a commit, without one write', async () => {
    const app = await bench.subject({ 'web.json': web(2) }, leave(['/spec/replicas']))
    await app.sync()
    assert.equal(await replicas(app), 2)
    const position = await bench.audit.position()
    for (let count = 3; count < 13; count += 1) {
      await scale(app, count)
      const result = await app.sync({ reason: 'drift' })
      assert.deepEqual(result.counts, { unchanged: 1 }, told(result))
    }
    assert.deepEqual(await writes(position, 'deployments/web'), [])
    await app.repository.commit({ 'web.json': web(2, 'nginx:2') })
    const changed = await app.sync({ reason: 'push' })
    assert.equal(changed.counts.configured, 1, told(changed))
    assert.equal(await replicas(app), 12)
    assert.deepEqual((await app.sync({ reason: 'drift' })).counts, { unchanged: 1 })
  })

  it('still takes back what no rule leaves, and sets the field as long as nobody else has it', async () => {
    const app = await bench.subject({ 'web.json': web(2) }, leave(['/spec/replicas']))
    await app.sync()
    await app.repository.commit({ 'web.json': web(4) })
    assert.equal((await app.sync()).counts.configured, 1)
    assert.equal(await replicas(app), 4)
    await scale(app, 7)
    await bench.api(
      'PATCH',
      deployment(app),
      { spec: { template: { spec: { containers: [{ name: 'web', image: 'evil' }] } } } },
      {
        contentType: 'application/strategic-merge-patch+json',
      },
    )
    const healed = await app.sync({ reason: 'drift' })
    assert.equal(healed.counts.configured, 1, told(healed))
    const live = JSON.stringify(await bench.api('GET', deployment(app)))
    assert.match(live, /"image":"nginx"/)
    assert.equal(await replicas(app), 7)
  })

  it('leaves them where they are when an object changes hands or what a person added is removed', async () => {
    const policy = { ...leave(['/spec/replicas', '/metadata/annotations/note']), undeclared: 'remove' as const }
    const app = await bench.subject({ 'web.json': web(2) }, policy)
    await bench.api('POST', '/api/v1/namespaces', { metadata: { name: app.namespace } })
    const theirs = { ...(JSON.parse(web(5)) as object), metadata: { name: 'web', annotations: { note: 'by hand', other: 'by hand' } } }
    await bench.api('POST', `/apis/apps/v1/namespaces/${app.namespace}/deployments`, theirs, { manager: 'kubectl-client-side-apply' })
    const adopted = await app.sync()
    assert.deepEqual(adopted.counts, { adopted: 1 }, told(adopted))
    assert.equal(await replicas(app), 5)
    const { annotations } = part(await bench.api('GET', deployment(app)), 'metadata')
    assert.deepEqual([part({ annotations }, 'annotations').note, part({ annotations }, 'annotations').other], ['by hand', undefined])
    await bench.api('PATCH', deployment(app), { spec: { replicas: 6 }, metadata: { annotations: { more: 'by hand' } } }, MERGE)
    const healed = await app.sync({ reason: 'drift' })
    assert.equal(healed.counts.configured, 1, told(healed))
    assert.equal(await replicas(app), 6)
    assert.doesNotMatch(JSON.stringify(await bench.api('GET', deployment(app))), /"more"/)
    assert.deepEqual((await app.sync({ reason: 'drift' })).counts, { unchanged: 1 })
  })

  it('leaves a certificate to its injector, and all that one manager sets', async () => {
    const name = `injected-${process.pid}`
    const certificate = (text: string) => ({ url: 'https://127.0.0.1:1/', caBundle: Buffer.from(text).toString('base64') })
    const hook = (clientConfig: object) => ({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name },
      webhooks: [
        {
          name: 'a.example.org',
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          failurePolicy: 'Ignore',
          rules: [{ apiGroups: ['nobody.example.org'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['nothing'] }],
          clientConfig,
        },
      ],
    })
    const caBundle = ['webhooks', '*', 'clientConfig', 'caBundle']
    const ignore = [
      { kind: 'ConfigMap', name: 'a', fields: [], managers: ['rotator'] },
      { kind: 'ValidatingWebhookConfiguration', fields: [caBundle], managers: [] },
    ]
    const files = { 'a.json': configMap('a', { x: '1', y: '1' }), 'hook.json': JSON.stringify(hook(certificate('\n'))) }
    const app = await bench.subject(files, { ignore })
    await app.sync()
    const path = `/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/${name}`
    await bench.api('PATCH', path, { webhooks: hook(certificate('injected')).webhooks }, { ...MERGE, manager: 'cainjector' })
    await bench.api('PATCH', config(app), { data: { x: '2' } }, { ...MERGE, manager: 'rotator' })
    const kept = await app.sync({ reason: 'drift' })
    assert.deepEqual(kept.counts, { unchanged: 2 }, told(kept))
    await bench.api('PATCH', config(app), { data: { y: '2' } }, { ...MERGE, manager: 'somebody' })
    const healed = await app.sync({ reason: 'drift' })
    assert.equal(healed.counts.configured, 1, told(healed))
    assert.deepEqual((await bench.api('GET', config(app))).data, { x: '2', y: '1' })
    assert.match(JSON.stringify(await bench.api('GET', path)), new RegExp(certificate('injected').caBundle))
  })

  it('settles with a policy that changes what Git declares at every write', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { level: 'low', x: '1' }) }, leave(['/data/level']))
    await underPolicy(app, async () => {
      await app.sync()
      const settled = await untilInjected(app)
      const position = await bench.audit.position()
      for (let sweep = 0; sweep < 3; sweep += 1) {
        const result = await app.sync({ reason: 'drift' })
        assert.deepEqual(result.counts, { unchanged: 1 }, `${JSON.stringify(settled)} ${told(result)}`)
      }
      assert.deepEqual(await writes(position, 'configmaps/a'), [])
    })
  })

  it('names the field of Git that a policy did not let stand, in the result of the write', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { level: 'low', x: '1' }), 'b.json': configMap('b', { level: 'low' }) })
    const first = await app.sync()
    assert.deepEqual(first.warnings, [])
    await underPolicy(app, async () => {
      await untilInjected(app)
      await app.repository.commit({ 'a.json': configMap('a', { level: 'low', x: '2' }), 'b.json': configMap('b', { level: 'middle' }) })
      const { counts, warnings } = await app.sync({ reason: 'push' })
      assert.deepEqual(counts, { configured: 2 })
      const [warning, ...others] = warnings.filter((one) => one.includes('admission'))
      assert.ok(warning?.startsWith(`ConfigMap/${app.namespace}/a: data.level: the cluster did not keep what was sent`), warnings.join())
      assert.deepEqual(others, [])
    })
  })

  /** Runs something while a policy changes ConfigMap a of an application at every write. */
  async function underPolicy({ namespace }: Subject, run: () => Promise<void>): Promise<void> {
    const id = `alters-${namespace}`
    const policies = '/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies'
    const bindings = policies.replace('policies', 'policybindings')
    await bench.api('POST', policies, {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingAdmissionPolicy',
      metadata: { name: id },
      spec: {
        matchConstraints: {
          resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['configmaps'] }],
        },
        matchConditions: [{ name: 'ours', expression: `object.metadata.namespace == '${namespace}' && object.metadata.name == 'a'` }],
        failurePolicy: 'Fail',
        reinvocationPolicy: 'IfNeeded',
        mutations: [
          { patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{data: {"level": "high", "injected": "yes"}}' } },
        ],
      },
    })
    await bench.api('POST', bindings, {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingAdmissionPolicyBinding',
      metadata: { name: id },
      spec: { policyName: id },
    })
    try {
      await run()
    } finally {
      await bench.api('DELETE', `${bindings}/${id}`)
      await bench.api('DELETE', `${policies}/${id}`)
    }
  }

  /** A new policy takes the API server a moment; each touch is a write that it may change. */
  async function untilInjected(app: Subject): Promise<JsonObject> {
    for (let touch = 0; ; touch += 1) {
      await bench.api('PATCH', config(app), { data: { touch: String(touch) } }, { ...MERGE, manager: 'toucher' })
      const live = await bench.api('GET', config(app))
      if (part(live, 'data').injected === 'yes') return live
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
})
