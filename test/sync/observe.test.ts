import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Json, JsonObject } from '../../src/model/json.ts'
import { until } from '../queue/until.ts'
import { agree, apply, compareVerdicts, setTheStage } from './rehearsal.ts'
import { definition, NAMESPACE } from './specimens.ts'
import { configMap, openWorkbench, type Workbench } from './workbench.ts'

describe('what the metadata tells, compared with a dry-run', { timeout: 300_000 }, () => {
  let bench: Workbench
  before(async () => {
    bench = await openWorkbench()
    await setTheStage(bench)
  })
  after(() => bench.close())

  it('misses no edit, whoever makes it and however', () => agree(bench, 40))

  const ITEMS = { type: 'array', items: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } } }
  const schemas = [
    ['dropped a field', [{ size: { type: 'integer' }, more: { type: 'string' } }, { size: { type: 'integer' } }]],
    ['dropped a field and brought it back', [{ more: { type: 'string' } }, { size: { type: 'integer' } }, { more: { type: 'string' } }]],
    [
      'turned a list from atomic to map',
      [{ items: ITEMS }, { items: { ...ITEMS, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] } }],
    ],
  ] as const
  for (const [index, [name, [first, ...later]]] of schemas.entries()) {
    it(`suspects every object of a definition that ${name}`, async () => {
      const [kind, plural] = [`Changing${index}`, `changing${index}s`]
      const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
      const versions = (properties: JsonObject): readonly Json[] => {
        const openAPIV3Schema = { type: 'object', properties: { spec: { type: 'object', properties } } }
        return [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }]
      }
      await bench.api('POST', path, definition(kind, plural, versions(first)))
      await bench.destination.waitForDefinitions([`${plural}.specimens.gitwake.dev`], 20_000, AbortSignal.timeout(20_000))
      await bench.destination.catalog({ refresh: true }, AbortSignal.timeout(20_000))
      const spec = Object.fromEntries(Object.keys(first).map((field) => [field, VALUES[field]]))
      const manifest = { apiVersion: 'specimens.gitwake.dev/v1', kind, metadata: { name: 'one', namespace: NAMESPACE }, spec }
      const applied = await apply(manifest, bench)
      assert.equal((await compareVerdicts(applied, bench)).verdict, 'unchanged')
      for (const properties of later) {
        await bench.api('PATCH', `${path}/${plural}.specimens.gitwake.dev`, { spec: { versions: versions(properties) } }, MERGE)
      }
      assert.equal((await compareVerdicts(applied, bench)).verdict, 'suspect')
    })
  }

  it('leaves to the rolling audit what leaves no trace: an admission policy that came', async () => {
    const app = await bench.subject({ 'a.json': configMap('audited', { x: '1' }) })
    await app.sync()
    const group = '/apis/admissionregistration.k8s.io/v1'
    const matchConstraints = {
      resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['configmaps'] }],
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': app.namespace } },
    }
    const expression = 'Object{metadata: Object.metadata{annotations: {"policy": "was here"}}}'
    await bench.api('POST', `${group}/mutatingadmissionpolicies`, {
      metadata: { name: app.namespace },
      spec: {
        matchConstraints,
        reinvocationPolicy: 'Never',
        failurePolicy: 'Fail',
        mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }],
      },
    })
    await bench.api('POST', `${group}/mutatingadmissionpolicybindings`, {
      metadata: { name: app.namespace },
      spec: { policyName: app.namespace },
    })
    const maps = `/api/v1/namespaces/${app.namespace}/configmaps`
    await until(async () => JSON.stringify(await bench.api('POST', maps, { metadata: { generateName: 'probe-' } })).includes('was here'))

    const blind = await app.sync({ reason: 'drift' })
    assert.deepEqual(blind.counts, { unchanged: 1 })
    const everything = { from: 0, to: 2, intervalMs: 1 }
    const audited = await app.sync({ reason: 'drift', audit: everything })
    assert.match(audited.changes[0]?.reason ?? '', /without a trace on the object/)
    assert.match(JSON.stringify(await bench.api('GET', `${maps}/audited`)), /was here/)
    assert.deepEqual((await app.sync({ reason: 'drift', audit: everything })).counts, { unchanged: 1 })
  })
})

const MERGE = { contentType: 'application/merge-patch+json' }
const VALUES: JsonObject = { size: 1, more: 'x', items: [{ name: 'a' }, { name: 'b' }] }
