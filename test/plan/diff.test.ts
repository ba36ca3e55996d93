import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JsonObject } from '../../src/model/json.ts'
import type { LiveObject } from '../../src/model/object.ts'
import { diffObjects } from '../../src/plan/diff.ts'

function map(fields: JsonObject, metadata: JsonObject = {}): LiveObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', ...fields, metadata: { name: 'a', ...metadata } }
}

function secret(fields: JsonObject, metadata: JsonObject = {}): LiveObject {
  return { ...map(fields, metadata), kind: 'Secret' }
}

const diff = (before: LiveObject, after: LiveObject) => diffObjects(before, after).diff
const containers = (...items: readonly JsonObject[]) => map({ spec: { template: { spec: { containers: items } } } })

describe('the difference between a live object and what it becomes', () => {
  const cases: readonly (readonly [string, LiveObject, LiveObject, readonly object[]])[] = [
    ['nothing', map({ data: { a: '1' } }), map({ data: { a: '1' } }), []],
    [
      'members that change, come and go',
      map({ data: { a: '1', gone: 'x' } }),
      map({ data: { a: '2', 'come.txt': 'y' } }),
      [
        { field: 'data.a', op: 'change', before: '1', after: '2' },
        { field: 'data.gone', op: 'remove', before: 'x' },
        { field: 'data[come.txt]', op: 'add', after: 'y' },
      ],
    ],
    [
      'an object that comes, field by field',
      map({}),
      map({ spec: { a: { b: 1 }, empty: {} } }),
      [
        { field: 'spec.a.b', op: 'add', after: 1 },
        { field: 'spec.empty', op: 'add', after: {} },
      ],
    ],
    [
      'an item named by its key, wherever it stands',
      containers({ name: 'log', image: 'l' }, { name: 'api', image: 'a:1' }),
      containers({ name: 'api', image: 'a:2' }, { name: 'log', image: 'l' }),
      [
        { field: 'spec.template.spec.containers[name=api].image', op: 'change', before: 'a:1', after: 'a:2' },
        { field: 'spec.template.spec.containers (order)', op: 'change', before: ['name=log', 'name=api'], after: ['name=api', 'name=log'] },
      ],
    ],
    [
      'ports of the same number, told apart by their protocol',
      map({
        spec: {
          ports: [
            { port: 53, protocol: 'UDP' },
            { port: 53, protocol: 'TCP' },
          ],
        },
      }),
      map({
        spec: {
          ports: [
            { port: 53, protocol: 'UDP' },
            { port: 53, protocol: 'TCP', nodePort: 30000 },
          ],
        },
      }),
      [{ field: 'spec.ports[port=53,protocol=TCP].nodePort', op: 'add', after: 30000 }],
    ],
    [
      'items without a key, by position',
      map({ rules: [{ verbs: ['get'] }] }),
      map({ rules: [{ verbs: ['get', 'list'] }, { verbs: ['*'] }] }),
      [
        { field: 'rules[0].verbs', op: 'change', before: ['get'], after: ['get', 'list'] },
        { field: 'rules[1].verbs', op: 'add', after: ['*'] },
      ],
    ],
    [
      'text of many lines, by its lines',
      map({ data: { conf: 'a\nb\nc\nd\ne\nf\n' } }),
      map({ data: { conf: 'a\nb\nc\nd\nE\nf\n' } }),
      [{ field: 'data.conf', op: 'change', lines: [' c', ' d', '-e', '+E', ' f'] }],
    ],
    [
      'a type that changes',
      map({ data: { a: '1' } }),
      map({ data: null }),
      [{ field: 'data', op: 'change', before: { a: '1' }, after: null }],
    ],
    [
      'an integer beyond 2^53, digit by digit',
      map({ a: 1n, b: [1n] }),
      map({ a: 9007199254740993n, b: [9007199254740993n] }),
      [
        { field: 'a', op: 'change', before: '1', after: '9007199254740993' },
        { field: 'b', op: 'change', before: ['1'], after: ['9007199254740993'] },
      ],
    ],
    [
      'no bookkeeping',
      map({ status: { a: 1 } }, { resourceVersion: '1', generation: 1, uid: 'u', managedFields: [], creationTimestamp: 'x' }),
      map({ status: { a: 2 } }, { resourceVersion: '2', generation: 2, managedFields: [{}] }),
      [],
    ],
    [
      'a name that every object inherits',
      map({ data: { a: '1' } }),
      map({ data: { a: '1', constructor: 'x' } }),
      [{ field: 'data.constructor', op: 'add', after: 'x' }],
    ],
  ]
  for (const [name, before, after, expected] of cases) it(name, () => assert.deepEqual(diff(before, after), expected))

  it('is cut to what a person reads, and counts the rest', () => {
    const many = Object.fromEntries(Array.from({ length: 130 }, (_, index) => [`k${index}`, 'x'.repeat(1_000)]))
    const { diff: fields, moreFields } = diffObjects(map({ data: {} }), map({ data: many }))
    assert.equal(fields.length, 100)
    assert.equal(moreFields, 30)
    assert.ok(JSON.stringify(fields).length < 60_000)
  })

  it('ends quickly on long texts that have nothing in common', () => {
    const text = (word: string) => Array.from({ length: 20_000 }, (_, index) => `${word} ${index}`).join('\n')
    const [change] = diff(map({ data: { a: text('x') } }), map({ data: { a: text('y') } }))
    assert.ok((change?.lines?.length ?? 0) <= 81)
  })
})

describe('secrets in a difference', () => {
  const CANARY = 'canary-Zx81-never-shown'
  const BASE64 = Buffer.from(CANARY).toString('base64')
  const env = (value: string) => containers({ name: 'api', env: [{ name: 'DB_PASSWORD', value }] })
  const cases: readonly (readonly [string, LiveObject, LiveObject])[] = [
    ['data of a Secret', secret({ data: { user: 'eA==' } }), secret({ data: { user: BASE64 } })],
    ['data that comes as a whole', secret({}), secret({ data: { user: BASE64, name: BASE64 } })],
    ['data that goes as a whole', secret({ data: { user: BASE64 } }), secret({ data: null })],
    ['stringData', secret({ stringData: { user: 'x' } }), secret({ stringData: { user: CANARY } })],
    [
      'last-applied of kubectl',
      secret({}),
      secret({}, { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': `{"data":{"user":"${BASE64}"}}` } }),
    ],
    ['the variable of a container', env('x'), env(CANARY)],
    [
      'a variable in a list without keys',
      map({ list: [{ a: 1 }] }),
      map({ list: [{ a: 1 }, { env: [{ name: 'API_TOKEN', value: CANARY }, 1] }] }),
    ],
    ['a key of a ConfigMap', map({ data: { 'db.password': 'x' } }), map({ data: { 'db.password': CANARY } })],
    [
      'a line of a file',
      map({ data: { 'app.yaml': 'db:\n  password: x\n' } }),
      map({ data: { 'app.yaml': `db:\n  password: ${CANARY}\n` } }),
    ],
    ['a line of properties', map({ data: { p: 'a=1\ndb.token = x\n' } }), map({ data: { p: `a=1\ndb.token = ${CANARY}\n` } })],
    ['an argument after its name', map({ args: ['--password', 'x'] }), map({ args: ['--password', CANARY] })],
    ['an argument with its name', map({ args: ['--api-key=x'] }), map({ args: [`--api-key=${CANARY}`] })],
    ['the user of a URL', map({ data: { url: 'postgres://a:x@db' } }), map({ data: { url: `postgres://a:${CANARY}@db` } })],
    [
      'a private key',
      map({ data: { k: 'x\n' } }),
      map({ data: { k: `-----BEGIN PRIVATE KEY-----\n${CANARY}\n-----END PRIVATE KEY-----\n` } }),
    ],
  ]
  for (const [name, before, after] of cases) {
    it(`${name}: told, not shown`, () => {
      for (const text of [JSON.stringify(diff(before, after)), JSON.stringify(diff(after, before))]) {
        assert.ok(!text.includes(CANARY) && !text.includes(BASE64), text)
        assert.ok(text.includes('***'), text)
      }
    })
  }

  it('says that a value changed, and nothing by which equal values could be found', () => {
    const change = diff(secret({ data: { a: 'eA==', b: 'eA==' } }), secret({ data: { a: 'eQ==', b: 'eg==' } }))
    assert.deepEqual(change, [
      { field: 'data.a', op: 'change', before: '***', after: '***' },
      { field: 'data.b', op: 'change', before: '***', after: '***' },
    ])
  })

  it('shows what merely sounds like one', () => {
    const fields = {
      secretName: 'tls',
      automountServiceAccountToken: true,
      tokenExpirationSeconds: 3600,
      imagePullSecrets: [{ name: 'hub' }],
    }
    assert.ok(!JSON.stringify(diff(map({}), map({ spec: fields }))).includes('***'))
  })
})
