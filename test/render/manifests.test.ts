import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Json } from '../../src/model/json.ts'
import { manifestOf, readManifests, refusalOf } from './support.ts'

const configMap = (name: string, rest = ''): string => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n${rest}`
const get = (value: Json, ...path: string[]): unknown => path.reduce<unknown>((at, key) => Reflect.get(Object(at), key), value)

describe('a file of manifests', () => {
  it('gives its objects in order, each with file and document, and skips empty documents', () => {
    const reader = readManifests({ 'a.yaml': `# shop\n---\n${configMap('a')}---\n---\n# nothing\n---\n${configMap('b')}` })
    assert.deepEqual(reader.problems, [])
    assert.deepEqual(
      reader.objects.map(({ manifest, origin }) => [manifest.metadata.name, origin.document]),
      [
        ['a', 1],
        ['b', 4],
      ],
    )
  })
  it('may hold a thousand empty documents', () => {
    const reader = readManifests({ 'a.yaml': '---\n'.repeat(1000) + configMap('a') })
    assert.deepEqual([reader.objects.length, reader.problems.length], [1, 0])
  })
  it('is JSON where its name ends so, with integers exact', () => {
    const text = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"n":9007199254740993,"t":"\\ud83d\\ude00\\/"}'
    assert.equal(get(manifestOf(text, 'a.json'), 'n'), 9007199254740993n)
    assert.equal(get(manifestOf(text, 'a.json'), 't'), '😀/')
  })
  it('keeps null values', () => {
    assert.deepEqual(get(manifestOf(configMap('a', 'data:\n  x:\n')), 'data'), { x: null })
  })
  it('takes Lists apart, nested ones too, and a typed list lends its kind', () => {
    const text = `apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMapList\n  items:\n  - metadata: {name: a}\n- ${configMap('b').trim().replaceAll('\n', '\n  ')}\n`
    const reader = readManifests({ 'a.yaml': text })
    assert.deepEqual(reader.problems, [])
    assert.deepEqual(
      reader.objects.map(({ manifest }) => [manifest.kind, manifest.apiVersion, manifest.metadata.name]),
      [
        ['ConfigMap', 'v1', 'a'],
        ['ConfigMap', 'v1', 'b'],
      ],
    )
  })
  it('takes an object whose kind merely ends in List for an object', () => {
    assert.equal(get(manifestOf('apiVersion: x.io/v1\nkind: AllowList\nmetadata: {name: a}\nspec: {}\n'), 'kind'), 'AllowList')
  })
  it('tells that a generateName beside a name means nothing', () => {
    const reader = readManifests({ 'a.yaml': configMap('a', '  generateName: b-\n') })
    assert.deepEqual(reader.objects[0]?.manifest.metadata, { name: 'a' })
    assert.match(reader.warnings.join(), /generateName is ignored/)
  })
  it('tells an empty label, and applies it as ""', () => {
    const reader = readManifests({ 'a.yaml': configMap('a', '  labels: {x: }\n  annotations:\n  namespace:\n') })
    assert.deepEqual(reader.objects[0]?.manifest.metadata, { name: 'a', labels: { x: '' } })
    assert.match(reader.warnings.join(), /a\.yaml: ConfigMap\/a: metadata\.labels\.x has no value/)
  })
})

describe('what is refused, with file, line and field', () => {
  const table: readonly (readonly [name: string, text: string, message: RegExp, code: string])[] = [
    [
      'a number as label',
      configMap('a', '  labels:\n    ok: x\n    version: 1\n'),
      /^a\.yaml:7: ConfigMap\/a: metadata\.labels\.version is a number, not text$/,
      'field-type',
    ],
    [
      'a boolean as annotation',
      configMap('a', '  annotations:\n    a.b/c: yes\n'),
      /^a\.yaml:6: .*metadata\.annotations\[a\.b\/c\] is a yes\/no value/,
      'field-type',
    ],
    ['labels as a list', configMap('a', '  labels: [a]\n'), /metadata\.labels is a list, not a map/, 'field-type'],
    ['a list', '- a\n', /the document is a list/, 'not-a-manifest'],
    ['a scalar', 'hello\n', /the document is text/, 'not-a-manifest'],
    [
      'something else',
      'name: CI\non: push\n',
      /^a\.yaml:1: is not a Kubernetes object: it has no apiVersion and no kind/,
      'not-a-manifest',
    ],
    ['no kind', 'apiVersion: v1\nmetadata: {name: a}\n', /kind is missing/, 'not-a-manifest'],
    ['no apiVersion', 'kind: ConfigMap\nmetadata: {name: a}\n', /apiVersion is missing/, 'not-a-manifest'],
    ['a bad apiVersion', 'apiVersion: a/b/c\nkind: A\nmetadata: {name: a}\n', /apiVersion is not a valid apiVersion/, 'field-invalid'],
    ['a climbing apiVersion', 'apiVersion: ../v1\nkind: A\nmetadata: {name: a}\n', /apiVersion is not/, 'field-invalid'],
    ['a kind with a slash', 'apiVersion: v1\nkind: A/B\nmetadata: {name: a}\n', /kind is not a valid kind/, 'field-invalid'],
    ['no metadata', 'apiVersion: v1\nkind: A\n', /metadata is missing/, 'name-missing'],
    ['no name', 'apiVersion: v1\nkind: A\nmetadata: {labels: {a: b}}\n', /metadata\.name is missing/, 'name-missing'],
    [
      'generateName',
      'apiVersion: v1\nkind: Job\nmetadata: {generateName: a-}\n',
      /metadata\.generateName would make a new object/,
      'generate-name',
    ],
    ['a number as name', configMap('12'), /metadata\.name is a number, not text/, 'field-type'],
    ['an octal-looking name', configMap('0644'), /metadata\.name is a number/, 'field-type'],
    ['a boolean as name', configMap('on'), /metadata\.name is a yes\/no value/, 'field-type'],
    ...['..', 'a/b', 'a?b', 'a%2fb', '"a#b"', '.', '../x', '"a\\u0000"', '"a\\n"'].map(
      (name) => [`the name ${name}`, configMap(name), /metadata\.name cannot name/, 'name-invalid'] as const,
    ),
    ['a bad namespace', configMap('a', '  namespace: Shop_1\n'), /metadata\.namespace is not a valid namespace/, 'name-invalid'],
    ['a number as namespace', configMap('a', '  namespace: 1\n'), /metadata\.namespace is a number/, 'field-type'],
    [
      'our own label',
      configMap('a', '  labels:\n    applyset.kubernetes.io/part-of: x\n'),
      /a\.yaml:6: .*gitwake's own label/,
      'own-label',
    ],
    [
      'a broken item of a List',
      `kind: List\napiVersion: v1\nitems:\n- ${configMap('a').trim().replaceAll('\n', '\n  ')}\n- kind: A\n  apiVersion: v1\n`,
      /^a\.yaml:8: items\[1\]\.metadata is missing/,
      'name-missing',
    ],
    ['a scalar in a List', 'kind: List\napiVersion: v1\nitems: [a]\n', /the item is text/, 'not-a-manifest'],
    ['a duplicate key', configMap('a', 'data:\n  x: 1\n  x: 2\n'), /^a\.yaml:7: the key "x" occurs twice/, 'manifest-unreadable'],
    [
      'an unknown tag',
      configMap('a', 'data: !!js/function x\n'),
      /^a\.yaml:5: the tag !!js\/function means nothing/,
      'manifest-unreadable',
    ],
    [
      'a syntax error in the third document',
      `${configMap('a')}---\n---\na: b: c\n`,
      /^a\.yaml:7 \(document 3\): not valid YAML/,
      'manifest-unreadable',
    ],
  ]
  for (const [name, text, message, code] of table) {
    it(name, () => {
      const error = refusalOf(text)
      assert.match(error.message, message)
      assert.equal(error.code, code)
      assert.equal(error.retryable, false)
      assert.notEqual(error.fix, '')
    })
  }
  it('bytes that are no UTF-8, and UTF-16', () => {
    assert.match(refusalOf(Buffer.from([0x61, 0xff])).message, /not UTF-8/)
    assert.match(refusalOf(Buffer.from(`\uFEFF${configMap('a')}`, 'utf16le')).message, /not UTF-8/)
  })
  for (const [name, text, message] of [
    ['broken JSON', '{"a": 1\n"b": 2}', /^a\.json:2: not valid JSON$/],
    ['a duplicate key in JSON', '{"a": {"b": 1,\n"\\u0062": 2}}', /^a\.json:2: the key "b" occurs twice/],
    ['__proto__ in JSON', '{"__proto__": {}}', /__proto__ is refused/],
    ['JSON nested without end', '['.repeat(1_000_000), /nested more than/],
  ] as const) {
    it(name, () => assert.match(refusalOf(text, 'a.json').message, message))
  }
  it('the same object twice, naming both places', () => {
    const { problems } = readManifests({ 'a.yaml': configMap('a'), 'b/c.yaml': `---\n---\n${configMap('a')}` })
    assert.match(problems[0]?.message ?? '', /the same object stands in a\.yaml already/)
    assert.deepEqual(problems[0]?.origin, { file: 'b/c.yaml', document: 2 })
  })
  it('the same name in another namespace or group is another object', () => {
    assert.deepEqual(readManifests({ 'a.yaml': configMap('a'), 'b.yaml': configMap('a', '  namespace: x\n') }).problems, [])
  })
  it('an object larger than a cluster stores', () => {
    assert.equal(refusalOf(configMap('a', `data: {x: ${'y'.repeat(1_600_000)}}\n`)).code, 'object-too-large')
  })
  it('an object that aliases make that large', () => {
    const text = configMap(
      'a',
      `data:\n  x0: &x ${'y'.repeat(100_000)}\n${Array.from({ length: 20 }, (_, at) => `  x${at + 1}: *x\n`).join('')}`,
    )
    assert.equal(refusalOf(text).code, 'object-too-large')
  })
  it('more objects than the limit, told once', () => {
    const error = refusalOf(Array.from({ length: 9 }, (_, at) => configMap(`c${at}`)).join('---\n'), 'a.yaml', { objects: 3 })
    assert.match(error.message, /^a\.yaml:16 \(document 4\): ConfigMap\/c3: there are more than 3 objects$/)
  })
  it('all problems at once, the first one structured', () => {
    const error = refusalOf(`${configMap('1')}---\na: b: c\n---\n- x\n---\n${configMap('b', '  labels: {a: 1, b: 2}\n')}`)
    assert.match(error.message, /^5 problems in the manifests:\n- a\.yaml:4: metadata\.name.*\n- a\.yaml:6 \(document 2\)/)
    assert.deepEqual([error.code, error.origin], ['field-type', { file: 'a.yaml', document: 1 }])
  })
  it('values never, because they may be secret', () => {
    const secret = 'hunter2hunter2'
    for (const text of [
      `apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {p: "${secret}!"}\n`,
      `password: [${secret}\n`,
      `a: "${secret}`,
      `apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {p: [${secret}]}\n`,
      `p: !!int ${secret}\n`,
      `p: *${secret}\n`,
    ])
      assert.doesNotMatch(refusalOf(text).message, new RegExp(secret))
    assert.doesNotMatch(refusalOf(`{"p": ${secret}}`, 'a.json').message, new RegExp(secret))
  })
})

describe('what Git must not carry', () => {
  it('status and server fields are dropped, with a warning where they say something', () => {
    const server = '  uid: u\n  resourceVersion: "5"\n  generation: 2\n  creationTimestamp: null\n  managedFields: []\n  selfLink: /x\n'
    const reader = readManifests({ 'a.yaml': configMap('a', `${server}status: {phase: Running}\n`) })
    assert.deepEqual(reader.objects[0]?.manifest, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } })
    assert.deepEqual(
      reader.warnings.map((warning) => /(\S+) is ignored/.exec(warning)?.[1]),
      ['status', 'metadata.uid', 'metadata.resourceVersion', 'metadata.generation', 'metadata.selfLink'],
    )
  })
  it('the empty status that generators write is dropped without a word', () => {
    const reader = readManifests({
      'a.yaml': configMap('a', 'status: {acceptedNames: {kind: "", plural: ""}, conditions: [], storedVersions: []}\n'),
    })
    assert.deepEqual([reader.warnings.length, reader.objects[0]?.manifest.status], [0, undefined])
  })
  it('the notes of kubectl apply are dropped, the other annotations stay', () => {
    const annotations = '  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: "{}"\n    a: b\n'
    const reader = readManifests({ 'a.yaml': configMap('a', annotations) })
    assert.deepEqual(reader.objects[0]?.manifest.metadata.annotations, { a: 'b' })
    assert.equal(reader.warnings.length, 1)
  })
})

describe('Secrets', () => {
  const secret = (rest: string): string => `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n${rest}`
  it('stringData is folded into data and wins over it', () => {
    const manifest = manifestOf(secret('data: {a: QQ==, b: Qg==}\nstringData: {b: ü, c: }\n'))
    assert.deepEqual(get(manifest, 'data'), { a: 'QQ==', b: 'w7w=', c: '' })
    assert.equal(get(manifest, 'stringData'), undefined)
  })
  it('base64 in several lines is one value', () => {
    assert.deepEqual(get(manifestOf(secret('data:\n  a: |\n    QUFB\n    QUFB\n')), 'data'), { a: 'QUFBQUFB' })
  })
  it('a number in stringData, and data that is no base64, are refused with the key', () => {
    assert.match(refusalOf(secret('stringData: {port: 5432}\n')).message, /stringData\.port is a number, not text/)
    assert.match(refusalOf(secret('data: {password: plain text}\n')).message, /data\.password is not base64/)
  })
  it('stringData of any other kind is left alone', () => {
    const manifest = manifestOf('apiVersion: x.io/v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: 1}\n')
    assert.deepEqual(get(manifest, 'stringData'), { a: 1 })
  })
})
