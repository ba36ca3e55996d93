import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JsonObject } from '../../src/model/json.ts'
import type { LiveObject, Manifest } from '../../src/model/object.ts'
import type { ManagedFields, ObservedObject } from '../../src/model/observation.ts'
import { withoutTaken } from '../../src/plan/undeclared.ts'

const object = { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'api' }

function live(spec: JsonObject): LiveObject {
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'api', uid: 'u' }, spec }
}

function entry(manager: string, fields: JsonObject, subresource = ''): ManagedFields {
  return { manager, operation: 'Update', subresource, apiVersion: 'apps/v1', time: undefined, fields: { 'f:spec': fields } }
}

function specAfter(spec: JsonObject, declared: JsonObject, managedFields: readonly ManagedFields[], adopting = false): unknown {
  const seen: ObservedObject = {
    object,
    version: 'v1',
    uid: 'u',
    resourceVersion: '1',
    generation: 1,
    createdAt: '',
    terminating: false,
    labels: {},
    annotations: {},
    controller: undefined,
    fields: undefined,
    managedFields,
  }
  const manifest: Manifest = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'api' }, spec: declared }
  const after = withoutTaken(live(spec), manifest, seen, adopting)
  assert.deepEqual(after.metadata, { name: 'api', uid: 'u' })
  return JSON.parse(JSON.stringify(after.spec))
}

describe('an object after its fields were taken over', () => {
  const containers = (...names: readonly string[]): readonly JsonObject[] => names.map((name) => ({ name, image: name }))
  const item = (name: string): JsonObject => ({ [`k:{"name":"${name}"}`]: { '.': {}, 'f:name': {}, 'f:image': {} } })
  const cases: readonly (readonly [string, JsonObject, JsonObject, readonly ManagedFields[], boolean, unknown])[] = [
    ['loses what a person set', { a: 1, b: 2 }, { a: 1 }, [entry('kubectl-edit', { 'f:a': {}, 'f:b': {} })], false, { a: 1 }],
    ['keeps what a controller set', { a: 1, b: 2 }, { a: 1 }, [entry('some-operator', { 'f:b': {} })], false, { a: 1, b: 2 }],
    [
      'keeps what a controller set too',
      { b: 2 },
      {},
      [entry('kubectl-edit', { 'f:b': {} }), entry('some-operator', { 'f:b': {} }, 'scale')],
      false,
      { b: 2 },
    ],
    ['keeps what nobody owns, as defaults are', { a: 1, d: 0 }, { a: 1 }, [entry('kubectl-edit', { 'f:a': {} })], false, { a: 1, d: 0 }],
    ['loses the fields of another tool when it is adopted', { b: 2 }, {}, [entry('kustomize-controller', { 'f:b': {} })], true, {}],
    ['keeps the fields of another tool otherwise', { b: 2 }, {}, [entry('kustomize-controller', { 'f:b': {} })], false, { b: 2 }],
    [
      'loses an item of a list',
      { containers: containers('api', 'debug') },
      { containers: containers('api') },
      [entry('kubectl-edit', { 'f:containers': { ...item('api'), ...item('debug') } })],
      false,
      { containers: containers('api') },
    ],
    [
      'loses a field of an item',
      { containers: [{ name: 'api', image: 'a', tty: true }] },
      { containers: [{ name: 'api', image: 'a' }] },
      [entry('kubectl-edit', { 'f:containers': { 'k:{"name":"api"}': { 'f:tty': {} } } })],
      false,
      { containers: [{ name: 'api', image: 'a' }] },
    ],
    [
      'loses a value of a set',
      { set: ['a', 'b'] },
      { set: ['a'] },
      [entry('kubectl-edit', { 'f:set': { '.': {}, 'v:"b"': {} } })],
      false,
      { set: ['a'] },
    ],
  ]
  for (const [name, spec, declared, managed, adopting, expected] of cases)
    it(name, () => assert.deepEqual(specAfter(spec, declared, managed, adopting), expected))
})
