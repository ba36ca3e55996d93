import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { objectIdOf, objectKey, type Manifest } from '../../src/model/object.ts'
import type { PlannedChange } from '../../src/model/plan.ts'
import { block, needFirst } from '../../src/plan/blocked.ts'
import type { DesiredObject } from '../../src/plan/desired.ts'

const manifest = (kind: string, name: string, rest: object = {}, apiVersion = 'v1'): Manifest => ({
  apiVersion,
  kind,
  metadata: { name, ...(kind === 'Namespace' || kind === 'CustomResourceDefinition' ? {} : { namespace: 'shop' }) },
  ...rest,
})
const desired = (manifests: readonly Manifest[]): DesiredObject[] =>
  manifests.map((one) => ({
    object: objectIdOf(one),
    key: objectKey(objectIdOf(one)),
    manifest: one,
    sent: '',
    origin: { file: 'a.yaml', document: 1 },
    resource: undefined,
    wave: 0,
    awaitsDefinition: false,
  }))
const planned = (one: Manifest, fails: boolean): PlannedChange => ({
  object: objectIdOf(one),
  action: fails ? 'failed' : 'created',
  reason: fails ? 'refused' : 'new in Git',
  stage: 2,
  operation: fails ? { verb: 'none' } : { verb: 'apply', manifest: one, expect: 'absent', takeOver: false },
})
const pod = (spec: object): object => ({ spec: { template: { spec } } })
const crd = manifest('CustomResourceDefinition', 'widgets.example.org', { spec: { group: 'example.org', names: { kind: 'Widget' } } })

describe('what a failed object keeps back', () => {
  const web = (spec: object): Manifest => manifest('Deployment', 'web', pod(spec), 'apps/v1')
  const cases: readonly (readonly [string, Manifest, Manifest, 'blocked' | 'free'])[] = [
    ['what lives in a namespace', manifest('Namespace', 'shop'), manifest('ConfigMap', 'a'), 'blocked'],
    ['what lives in another namespace', manifest('Namespace', 'other'), manifest('ConfigMap', 'a'), 'free'],
    ['a custom resource', crd, manifest('Widget', 'w', {}, 'example.org/v1'), 'blocked'],
    ['one of the same kind in another group', crd, manifest('Widget', 'w', {}, 'example.com/v1'), 'free'],
    [
      'a binding of a role',
      manifest('Role', 'r', {}, 'rbac.authorization.k8s.io/v1'),
      manifest('RoleBinding', 'b', { roleRef: { kind: 'Role', name: 'r' } }, 'rbac.authorization.k8s.io/v1'),
      'blocked',
    ],
    ['a mounted ConfigMap', manifest('ConfigMap', 'c'), web({ volumes: [{ configMap: { name: 'c' } }] }), 'blocked'],
    ['an optional ConfigMap', manifest('ConfigMap', 'c'), web({ volumes: [{ configMap: { name: 'c', optional: true } }] }), 'free'],
    ['a mounted Secret', manifest('Secret', 's'), web({ volumes: [{ secret: { secretName: 's' } }] }), 'blocked'],
    ['a projected Secret', manifest('Secret', 's'), web({ volumes: [{ projected: { sources: [{ secret: { name: 's' } }] } }] }), 'blocked'],
    ['a claim', manifest('PersistentVolumeClaim', 'p'), web({ volumes: [{ persistentVolumeClaim: { claimName: 'p' } }] }), 'blocked'],
    ['a service account', manifest('ServiceAccount', 'sa'), web({ serviceAccountName: 'sa' }), 'blocked'],
    ['a pull secret', manifest('Secret', 's'), web({ imagePullSecrets: [{ name: 's' }] }), 'blocked'],
    [
      'a variable from a Secret',
      manifest('Secret', 's'),
      web({ containers: [{ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] }] }),
      'blocked',
    ],
    [
      'all variables of a ConfigMap',
      manifest('ConfigMap', 'c'),
      web({ initContainers: [{ envFrom: [{ configMapRef: { name: 'c' } }] }] }),
      'blocked',
    ],
    [
      'a CronJob that mounts it',
      manifest('ConfigMap', 'c'),
      manifest(
        'CronJob',
        'j',
        { spec: { jobTemplate: { spec: { template: { spec: { volumes: [{ configMap: { name: 'c' } }] } } } } } },
        'batch/v1',
      ),
      'blocked',
    ],
    ['another ConfigMap', manifest('ConfigMap', 'other'), web({ volumes: [{ configMap: { name: 'c' } }] }), 'free'],
  ]
  for (const [name, failed, other, verdict] of cases) {
    it(`${name}: ${verdict}`, () => {
      const [, change] = block([planned(failed, true), planned(other, false)], desired([failed, other]))
      assert.equal(change?.action, verdict === 'blocked' ? 'skipped' : 'created')
      if (verdict === 'blocked')
        assert.match(change?.reason ?? '', new RegExp(`^blocked by ${failed.kind}/.*${failed.metadata.name}, which failed$`))
      assert.equal(change?.operation.verb, verdict === 'blocked' ? 'none' : 'apply')
    })
  }

  const claim = manifest('PersistentVolumeClaim', 'p', { spec: { storageClassName: 'fast' } })
  const storage = { ...manifest('StorageClass', 'fast', {}, 'storage.k8s.io/v1'), metadata: { name: 'fast' } }
  const user = web({ volumes: [{ persistentVolumeClaim: { claimName: 'p' } }] })

  it('keeps back in turn what needs something that is kept back', () => {
    const changes = block([planned(user, false), planned(claim, false), planned(storage, true)], desired([user, claim, storage]))
    assert.deepEqual(
      changes.map(({ action, reason }) => `${action}: ${reason}`),
      [
        'skipped: blocked by PersistentVolumeClaim/shop/p, which is blocked itself',
        'skipped: blocked by StorageClass/fast, which failed',
        'failed: refused',
      ],
    )
  })

  it('writes what others need before them, and goes on where objects need each other', () => {
    const names = (manifests: readonly Manifest[]) =>
      needFirst(
        manifests.map((one) => planned(one, false)),
        desired(manifests),
      ).map((group) => group.map(({ object }) => object.kind))
    assert.deepEqual(names([user, claim, storage]), [['StorageClass'], ['PersistentVolumeClaim'], ['Deployment']])
    assert.deepEqual(names([manifest('Namespace', 'shop'), manifest('ConfigMap', 'a')]), [['Namespace'], ['ConfigMap']])
    const one = manifest('PersistentVolumeClaim', 'p', { spec: { volumeName: 'v' } })
    assert.deepEqual(names([one, claim]), [['PersistentVolumeClaim', 'PersistentVolumeClaim']])
  })
})
