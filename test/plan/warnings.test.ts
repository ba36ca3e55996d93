import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JsonObject } from '../../src/model/json.ts'
import { PART_OF_LABEL } from '../../src/model/names.ts'
import { objectIdOf, objectKey, type Manifest } from '../../src/model/object.ts'
import type { ManagedFields, ObservedObject } from '../../src/model/observation.ts'
import { NO_ANSWERS } from '../../src/plan/questions.ts'
import { planWarnings } from '../../src/plan/warnings.ts'

function deployment(spec: JsonObject): Manifest {
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'api', namespace: 'shop' }, spec }
}

const AUTOSCALER: Manifest = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'api', namespace: 'shop' },
  spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'api' } },
}

function entry(manager: string, fields: JsonObject, rest: Partial<ManagedFields> = {}): ManagedFields {
  const operation = manager === 'gitwake' ? 'Apply' : 'Update'
  return { manager, operation, subresource: '', apiVersion: 'apps/v1', time: '2026-01-01T12:03:11Z', fields, ...rest }
}

const REPLICAS = { 'f:spec': { 'f:replicas': {} } }

function warnings(
  manifests: readonly Manifest[],
  managedFields: readonly ManagedFields[],
  undeclared: 'report' | 'remove' = 'report',
  label = 'set',
) {
  const objects = manifests.map((manifest) => {
    const object = objectIdOf(manifest)
    const origin = { file: 'a.yaml', document: 1 }
    return { object, key: objectKey(object), manifest, sent: '', origin, resource: undefined, awaitsDefinition: false, wave: 0 }
  })
  const first = objects[0]?.object ?? { group: '', kind: '', namespace: '', name: '' }
  const seen: ObservedObject = {
    object: first,
    version: 'v1',
    uid: 'u',
    resourceVersion: '1',
    generation: 1,
    createdAt: '',
    terminating: false,
    labels: { [PART_OF_LABEL]: label },
    annotations: {},
    controller: undefined,
    fields: 'f',
    managedFields,
  }
  return planWarnings({
    applySet: 'set',
    answers: NO_ANSWERS,
    desired: { objects, warnings: [], duplicates: [] },
    observation: { objects: new Map([[objectKey(first), seen]]), unlistable: new Map(), definitions: new Map() },
    undeclared,
    ignore: [],
  })
}

describe('what a plan warns of', () => {
  it('replicas that Git and an autoscaler both set', () => {
    const [warning, ...rest] = warnings([deployment({ replicas: 2 }), AUTOSCALER], [])
    assert.match(warning ?? '', /^Deployment\/shop\/api: spec\.replicas is in Git and HorizontalPodAutoscaler\/shop\/api sets it too/)
    assert.deepEqual(rest, [])
    assert.deepEqual(warnings([deployment({}), AUTOSCALER], []), [])
  })

  it('replicas that fall to 1, because nobody sets them once Git does not', () => {
    const [warning] = warnings([deployment({}), AUTOSCALER], [entry('gitwake', REPLICAS)])
    assert.match(warning ?? '', /resets it to 1, until HorizontalPodAutoscaler\/shop\/api scales it again/)
    const scaled = entry('kube-controller-manager', REPLICAS, { subresource: 'scale' })
    assert.deepEqual(warnings([deployment({})], [entry('gitwake', {}), scaled]), [])
    assert.deepEqual(warnings([deployment({})], [entry('gitwake', REPLICAS), scaled]), [])
    assert.deepEqual(warnings([deployment({ replicas: 1 })], [entry('gitwake', REPLICAS)]), [])
  })

  it('replicas that fall to 1, because an adoption takes over what set them', () => {
    const adopted = (owner: ManagedFields): string[] => warnings([deployment({})], [owner], 'report', 'none')
    assert.match(adopted(entry('kustomize-controller', REPLICAS))[0] ?? '', /not in Git, and what set it is taken over: .* resets it to 1/)
    assert.deepEqual(adopted(entry('kubectl', REPLICAS, { subresource: 'scale' })), [])
    assert.deepEqual(adopted(entry('keda', REPLICAS)), [])
  })

  it('no replicas of an object that is only created, or never applied', () => {
    const kept = deployment({ replicas: 2 })
    const annotated = { ...kept, metadata: { ...kept.metadata, annotations: { 'gitwake.dev/apply': 'create-only' } } }
    assert.deepEqual(warnings([annotated, AUTOSCALER], []), [])
  })

  const containers = [{ name: 'api', image: 'a', ports: [{ containerPort: 80 }] }]
  const added = entry('kubectl-edit', {
    'f:metadata': {
      'f:annotations': { '.': {}, 'f:kubectl.kubernetes.io/last-applied-configuration': {}, 'f:example.com/note': {} },
      'f:finalizers': { '.': {}, 'v:"kept"': {} },
    },
    'f:spec': {
      'f:template': {
        'f:spec': {
          'f:containers': {
            'k:{"name":"api"}': {
              'f:image': {},
              'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
            },
            'k:{"name":"debug"}': { '.': {}, 'f:name': {}, 'f:image': {} },
          },
        },
      },
    },
    'f:status': { 'f:x': {} },
  })

  it('fields that a person added, with who and when', () => {
    const manifest = deployment({ template: { spec: { containers } } })
    assert.deepEqual(warnings([manifest], [added]), [
      'Deployment/shop/api: not in Git, and kept (undeclared: report): metadata.annotations[example.com/note], by kubectl-edit, at 2026-01-01T12:03:11Z; metadata.finalizers[kept], by kubectl-edit, at 2026-01-01T12:03:11Z; spec.template.spec.containers[name=debug], by kubectl-edit, at 2026-01-01T12:03:11Z',
    ])
    assert.match(warnings([manifest], [added], 'remove')[0] ?? '', /removed with the next write/)
  })

  it('nothing of controllers, of subresources and of what Git declares', () => {
    const manifest = deployment({ template: { spec: { containers } } })
    assert.deepEqual(
      warnings([manifest], [entry('some-operator', added.fields), entry('kubectl', added.fields, { subresource: 'status' })]),
      [],
    )
    const declared = entry('kubectl-patch', {
      'f:spec': { 'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"api"}': { 'f:image': {} } } } } },
    })
    assert.deepEqual(warnings([manifest], [declared]), [])
  })
})
