import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { classifyAnswer, isScopedRefusal, type ApiErrorClass } from '../../src/cluster/errors.ts'
import { checkoutRoot } from '../support/checkout.ts'

interface Recorded {
  readonly name: string
  readonly path: string
  readonly status: number
  readonly text: string
  readonly class: ApiErrorClass
}

/** What kube-apiserver 1.36.3 really answered. */
const recorded = JSON.parse(await readFile(join(checkoutRoot, 'test/fixtures/cluster/answers.json'), 'utf8')) as readonly Recorded[]

const RETRYABLE: ReadonlySet<ApiErrorClass> = new Set([
  'conflict',
  'already-exists',
  'unauthorized',
  'webhook-failed',
  'namespace-terminating',
  'too-many-requests',
  'unavailable',
  'timeout',
  'gone',
])

for (const answer of recorded) {
  test(`${answer.name} (${answer.status}) is told as ${answer.class}`, () => {
    const problem = classifyAnswer(answer)
    assert.equal(problem.class, answer.class)
    assert.notEqual(problem.message, '')
    const freesItself = answer.name === 'an exhausted quota'
    assert.equal(problem.retryable, freesItself || RETRYABLE.has(answer.class))
  })
}

const status = (code: number, message: string, reason = ''): string =>
  JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason, code })

const written: readonly (readonly [string, number, string, ApiErrorClass, boolean])[] = [
  ['a filter that sheds load', 429, 'Too many requests, please try again later.', 'too-many-requests', true],
  ['a server that goes', 503, 'service unavailable\n', 'unavailable', true],
  ['a proxy with a page', 502, '<html><body>Bad Gateway</body></html>', 'unavailable', true],
  [
    'a request that took too long',
    504,
    status(504, 'Timeout: request did not complete within requested timeout', 'Timeout'),
    'timeout',
    true,
  ],
  ['etcd electing a leader', 500, status(500, 'etcdserver: leader changed'), 'unavailable', true],
  ['a compacted history', 410, status(410, 'The provided continue parameter is too old', 'Expired'), 'gone', true],
  [
    'a webhook with side effects',
    400,
    status(400, 'admission webhook "a.example" does not support dry run', 'BadRequest'),
    'dry-run-unsupported',
    false,
  ],
  ['a policy that says no', 403, status(403, 'admission webhook "a.example" denied the request: no', 'Forbidden'), 'forbidden', false],
  ['a bug of the server', 500, status(500, 'Internal error occurred: oops', 'InternalError'), 'other', true],
  ['nothing at all', 500, '', 'other', true],
  ['broken JSON', 400, '{"kind":"Status"', 'invalid', false],
]

for (const [name, code, text, expected, retryable] of written) {
  test(`${name} (${code}) is told as ${expected}`, () => {
    const problem = classifyAnswer({ status: code, text, path: '/api/v1/namespaces/shop/configmaps/a' })
    assert.deepEqual([problem.class, problem.retryable], [expected, retryable])
    assert.notEqual(problem.message, '')
  })
}

test('the fields that the server names are told as users write them', () => {
  const fieldsOf = (name: string): readonly string[] => {
    const answer = recorded.find((candidate) => candidate.name === name)
    assert(answer)
    return classifyAnswer(answer).fields
  }
  assert.deepEqual(fieldsOf('a typo under server-side apply'), ['spec.replcias'])
  assert.deepEqual(fieldsOf('a typo in a create'), ['spec.replcias'])
  assert.deepEqual(fieldsOf('a doubled list key'), ['spec.template.spec.containers[name="c"].env'])
  assert.deepEqual(fieldsOf('a wrong type'), ['spec.replicas'])
  assert.deepEqual(fieldsOf('an invalid value'), ['spec.replicas'])
  assert.deepEqual(fieldsOf('a conflict of field managers'), ['data.x'])
})

test('a missing namespace is told from a missing object only where something was wanted inside it', () => {
  const text = JSON.stringify({
    kind: 'Status',
    message: 'namespaces "x" not found',
    reason: 'NotFound',
    details: { kind: 'namespaces', name: 'x' },
  })
  assert.equal(classifyAnswer({ status: 404, text, path: '/api/v1/namespaces/x' }).class, 'not-found')
  assert.equal(classifyAnswer({ status: 404, text, path: '/api/v1/namespaces/x/configmaps/a' }).class, 'namespace-missing')
})

test('a refusal of one kind is told from one of the whole server', () => {
  assert(isScopedRefusal(status(429, 'storage is (re)initializing', 'TooManyRequests')))
  assert(!isScopedRefusal('Too many requests, please try again later.'))
})

test('a message of any length stays readable', () => {
  const text = status(422, 'x'.repeat(1_000_000), 'Invalid')
  assert(classifyAnswer({ status: 422, text, path: '/' }).message.length < 2_100)
})

test('what a refusal copies of an object is not told: it may hold a credential', () => {
  const template = JSON.stringify({
    Containers: [{ Env: [{ Name: 'DB_PASSWORD', Value: 'canary}"', ValueFrom: null }] }],
    X: 'x'.repeat(300),
  })
  const told: readonly (readonly [string, string])[] = [
    [
      'failed to create typed patch object (leak/p; /v1, Kind=Pod): .spec.containers[name="x"].env[name="DB_PASSWORD"].value: expected string, got &value.valueUnstructured{Value:12345678}',
      'failed to create typed patch object (leak/p; /v1, Kind=Pod): .spec.containers[name="x"].env[name="DB_PASSWORD"].value: expected string, got a number',
    ],
    [
      'errors:\n  .args[1]: expected string, got &value.valueUnstructured{Value:map[string]interface {}{"a":"canary}"}}\n  .data.b: expected string, got &value.valueUnstructured{Value:true}',
      'errors:\n  .args[1]: expected string, got a map\n  .data.b: expected string, got a boolean',
    ],
    [
      `Job.batch "j" is invalid: [spec.template: Invalid value: ${template}: field is immutable, spec.selector: Invalid value: {"matchLabels":{"a":"b"}}: field is immutable]`,
      'Job.batch "j" is invalid: [spec.template: Invalid value: {…}: field is immutable, spec.selector: Invalid value: {"matchLabels":{"a":"b"}}: field is immutable]',
    ],
    [
      `Job.batch "j" is invalid: spec.template: Invalid value: core.PodTemplateSpec{Env:[]core.EnvVar{{Name:"A", Value:"${'canary'.repeat(60)}"}}}: field is immutable`,
      'Job.batch "j" is invalid: spec.template: Invalid value: {…}: field is immutable',
    ],
    [
      'Pod "p" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.tolerations`\n@@ -101,7 +101,7 @@\n      "Name": "DB_PASSWORD",\n-     "Value": "canary",\n+     "Value": "canary2",\n    ],\n',
      'Pod "p" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.tolerations`\n',
    ],
    [
      'Service "s" is invalid: spec.ports[0].port: Invalid value: 0: must be more',
      'Service "s" is invalid: spec.ports[0].port: Invalid value: 0: must be more',
    ],
  ]
  for (const [text, expected] of told)
    assert.equal(classifyAnswer({ status: 422, text: status(422, text, 'Invalid'), path: '/' }).message, expected)
})
