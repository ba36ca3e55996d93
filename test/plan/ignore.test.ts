import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { IgnoreRule } from '../../src/model/configuration.ts'
import type { JsonObject } from '../../src/model/json.ts'
import { PART_OF_LABEL } from '../../src/model/names.ts'
import type { Manifest } from '../../src/model/object.ts'
import type { ManagedFields, ObservedObject } from '../../src/model/observation.ts'
import { parsePointer } from '../../src/model/pointer.ts'
import { ignoredPart, rulesFor, withoutFields, withoutIgnored } from '../../src/plan/ignore.ts'

const labels = { [PART_OF_LABEL]: 'set', tier: 'web' }
const manifest: Manifest = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop', labels, annotations: { note: 'x' } },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    containers: [
      { name: 'api', image: 'a', ports: [{ containerPort: 80, name: 'http' }] },
      { name: 'side', image: 's' },
    ],
  },
}
const whole = {}
const ours: JsonObject = {
  'f:metadata': { 'f:labels': { [`f:${PART_OF_LABEL}`]: whole, 'f:tier': whole }, 'f:annotations': { 'f:note': whole } },
  'f:spec': {
    'f:replicas': whole,
    'f:selector': whole,
    'f:containers': {
      'k:{"name":"api"}': { '.': whole, 'f:name': whole, 'f:image': whole, 'f:ports': whole },
      'k:{"name":"side"}': { '.': whole, 'f:name': whole, 'f:image': whole },
    },
  },
}
const entry = (manager: string, fields: JsonObject, subresource = ''): ManagedFields => ({
  manager,
  operation: manager === 'gitwake' ? 'Apply' : 'Update',
  subresource,
  apiVersion: 'apps/v1',
  time: undefined,
  fields,
})
const seenWith = (...managedFields: ManagedFields[]): ObservedObject => ({
  object: { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' },
  version: 'v1',
  uid: 'u',
  resourceVersion: '1',
  generation: 1,
  createdAt: '',
  terminating: false,
  labels,
  annotations: {},
  controller: undefined,
  fields: 'f',
  managedFields,
})
const rule = (fields: readonly string[], managers: readonly string[] = []): IgnoreRule => ({
  fields: fields.map((field) => parsePointer(field) ?? []),
  managers,
})
const REPLICAS = { 'f:spec': { 'f:replicas': whole } }
const IMAGE = { 'f:spec': { 'f:containers': { 'k:{"name":"api"}': { 'f:image': whole } } } }
const without = (edit: (copy: { metadata: JsonObject; spec: JsonObject & { containers: object[] } }) => void): Manifest => {
  const copy = structuredClone(manifest) as unknown as { metadata: JsonObject; spec: JsonObject & { containers: object[] } }
  edit(copy)
  return copy as unknown as Manifest
}
const noReplicas = without(({ spec }) => Reflect.deleteProperty(spec, 'replicas'))
const noImage = without(({ spec }) => Reflect.deleteProperty(spec.containers[0] ?? {}, 'image'))

describe('what is sent where fields are left to others', () => {
  const hpa = entry('hpa', REPLICAS, 'scale')
  const mine = entry('gitwake', ours)
  const cases: readonly (readonly [string, IgnoreRule, readonly ManagedFields[], Manifest, boolean?])[] = [
    ['everything, as long as nobody else holds it', rule(['/spec/replicas']), [mine], manifest],
    ['not what an autoscaler holds, through a subresource', rule(['/spec/replicas']), [mine, hpa], noReplicas],
    ['everything where no rule says so', rule(['/spec/paused']), [mine, hpa], manifest],
    ['not what somebody has removed', rule(['/spec/replicas']), [entry('gitwake', withoutFields(ours, REPLICAS))], noReplicas],
    [
      'what somebody has removed, once Git changes',
      rule(['/spec/replicas']),
      [entry('gitwake', withoutFields(ours, REPLICAS))],
      manifest,
      true,
    ],
    ['what a status writer touches', rule(['/spec/replicas']), [mine, entry('kubelet', REPLICAS, 'status')], manifest],
    ['not an item that is named by its key', rule(['/spec/containers/[name=api]/image']), [mine, entry('x', IMAGE)], noImage],
    ['not an item that is named by its place', rule(['/spec/containers/0/image']), [mine, entry('x', IMAGE)], noImage],
    ['not an item among all', rule(['/spec/containers/*/image']), [mine, entry('x', IMAGE)], noImage],
    ['another item', rule(['/spec/containers/1/image']), [mine, entry('x', IMAGE)], manifest],
    [
      'nothing of an item that is left as a whole',
      rule(['/spec/containers/[name=side]']),
      [mine, entry('x', { 'f:spec': { 'f:containers': { 'k:{"name":"side"}': { '.': whole, 'f:name': whole, 'f:image': whole } } } })],
      without(({ spec }) => spec.containers.pop()),
    ],
    [
      'not what can only be held as one, although a part is meant',
      rule(['/spec/selector/matchLabels/app']),
      [mine, entry('x', { 'f:spec': { 'f:selector': whole } })],
      without(({ spec }) => Reflect.deleteProperty(spec, 'selector')),
    ],
    [
      'only what the other holds of a map',
      rule(['/metadata/labels']),
      [mine, entry('x', { 'f:metadata': { 'f:labels': { 'f:tier': whole } } })],
      without(({ metadata }) => Reflect.deleteProperty(Object(metadata.labels), 'tier')),
    ],
    [
      'our own label, whoever else holds it',
      rule(['/metadata/labels']),
      [mine, entry('x', { 'f:metadata': { 'f:labels': { [`f:${PART_OF_LABEL}`]: whole } } })],
      manifest,
    ],
    ['not the fields of a manager', rule([], ['h*']), [mine, hpa], noReplicas],
    ['what other managers hold', rule([], ['vpa']), [mine, hpa], manifest],
    [
      'not the fields of a manager where both say so',
      rule(['/spec/containers/*/image'], ['hpa']),
      [mine, hpa, entry('hpa', IMAGE)],
      noImage,
    ],
    ['what nobody holds, where only a manager is named', rule([], ['hpa']), [entry('gitwake', withoutFields(ours, REPLICAS))], manifest],
  ]
  for (const [name, one, managedFields, expected, isNew = false] of cases) {
    it(name, () => assert.deepEqual(withoutIgnored(manifest, seenWith(...managedFields), [one], isNew), expected))
  }
})

describe('what a take-over leaves to others', () => {
  const all = withoutFields(ours, {})
  const cases: readonly (readonly [IgnoreRule, JsonObject])[] = [
    [rule(['/spec/replicas']), REPLICAS],
    [rule(['/spec/containers/[name=api]/image']), IMAGE],
    [rule(['/spec/containers/0/image']), IMAGE],
    [rule(['/spec/selector/matchLabels/app']), { 'f:spec': { 'f:selector': whole } }],
    [rule(['/spec/nothing']), {}],
    [rule([], ['kubectl*']), all],
    [rule([], ['flux']), {}],
  ]
  for (const [one, expected] of cases) {
    it(JSON.stringify(one), () => assert.deepEqual(ignoredPart(entry('kubectl-edit', all), manifest, [one]), expected))
  }

  it('is taken away from the rest without a trace', () => {
    assert.deepEqual(withoutFields(REPLICAS, REPLICAS), {})
    assert.deepEqual(withoutFields({ 'f:spec': { '.': whole, 'f:a': whole, 'f:b': whole } }, { 'f:spec': { 'f:a': whole } }), {
      'f:spec': { '.': whole, 'f:b': whole },
    })
  })
})

describe('an ignore rule', () => {
  const object = { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web-1' }
  const cases: readonly (readonly [Partial<IgnoreRule>, boolean])[] = [
    [{}, true],
    [{ group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web-1' }, true],
    [{ name: 'web-*' }, true],
    [{ name: 'web-?' }, true],
    [{ name: 'web' }, false],
    [{ name: 'web.1' }, false],
    [{ namespace: 's*p' }, true],
    [{ kind: 'StatefulSet' }, false],
    [{ group: '' }, false],
  ]
  for (const [which, speaks] of cases) {
    it(`${speaks ? 'speaks' : 'does not speak'} of Deployment/shop/web-1: ${JSON.stringify(which)}`, () =>
      assert.equal(rulesFor(object, [{ ...rule(['/spec/replicas']), ...which }]).length, speaks ? 1 : 0))
  }
})
