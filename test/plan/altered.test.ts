import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JsonObject } from '../../src/model/json.ts'
import { alteredFields, alteredWarning } from '../../src/plan/altered.ts'

const altered = (sent: JsonObject, live: JsonObject): string[] =>
  alteredFields(
    { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'a' }, spec: sent },
    { metadata: { name: 'a', uid: 'u' }, spec: live, apiVersion: 'v1', kind: 'Thing' },
  )

describe('fields that did not stay as they were sent', () => {
  const cases: readonly (readonly [string, JsonObject, JsonObject, readonly string[]])[] = [
    ['another value', { replicas: 3 }, { replicas: 2 }, ['spec.replicas']],
    ['a value that is gone', { nested: { host: 'a' } }, {}, ['spec.nested.host']],
    [
      'in a list, by the name of its item',
      {
        containers: [
          { name: 'a', image: 'x' },
          { name: 'b', image: 'y' },
        ],
      },
      { containers: [{ name: 'sidecar' }, { name: 'b', image: 'z' }, { name: 'a', image: 'x' }] },
      ['spec.containers[name=b].image'],
    ],
    ['an item that is gone', { containers: [{ name: 'a', image: 'x' }] }, { containers: [] }, ['spec.containers[name=a]']],
    ['an argument that is gone', { args: ['--one', '--two'] }, { args: ['--two'] }, ['spec.args']],
    ['a list without names, item by item', { rules: [{ to: { a: 1 } }] }, { rules: [{ to: { a: 2 } }] }, ['spec.rules[0].to.a']],
    ['a quantity', { cpu: '1' }, { cpu: '100m' }, ['spec.cpu']],
  ]
  for (const [what, sent, live, fields] of cases) it(what, () => assert.deepEqual(altered(sent, live), fields))
})

describe('what the API server writes in another way is the same', () => {
  const cases: readonly (readonly [string, JsonObject, JsonObject])[] = [
    ['what it adds', { a: { b: 1 } }, { a: { b: 1, c: 2 }, d: 3 }],
    ['quantities', { cpu: '1000m', memory: '1024Mi', storage: 1000, half: 0.5 }, { cpu: '1', memory: '1Gi', storage: '1k', half: '500m' }],
    ['numbers as text', { port: 80, code: '0755' }, { port: '80', code: '0755' }],
    ['what says nothing', { a: null, b: false, c: 0, d: '', e: [], f: {}, g: { h: false } }, {}],
    ['what is left to it', { clusterIP: '', nodePort: 0 }, { clusterIP: '10.0.0.1', nodePort: 30_000 }],
    ['base64 in lines', { data: 'YWJj\nZGVm' }, { data: 'YWJjZGVm' }],
    ['times', { at: '2026-01-01T01:00:00+01:00' }, { at: '2026-01-01T00:00:00Z' }],
    [
      'the order of items',
      { ports: [{ port: 80 }, { port: 443 }] },
      {
        ports: [
          { port: 443, protocol: 'TCP' },
          { port: 80, protocol: 'TCP' },
        ],
      },
    ],
    ['items of others', { finalizers: ['a'] }, { finalizers: ['a', 'b'] }],
    ['a list without keys that grew', { rules: [{ to: { a: 1 } }] }, { rules: [{ to: { a: 1 } }, { to: { a: 1 } }] }],
  ]
  for (const [what, sent, live] of cases) it(what, () => assert.deepEqual(altered(sent, live), []))
})

it('names three fields, and counts the rest', () => {
  const object = { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'api' }
  assert.deepEqual(alteredWarning(object, []), [])
  assert.match(
    alteredWarning(object, ['a', 'b', 'c', 'd', 'e'])[0] ?? '',
    /^Deployment\/shop\/api: a, b, c and 2 more: the cluster did not keep/,
  )
})
