import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { problemOf } from '../../src/model/error.ts'
import { createMask, maskManifest, maskSecrets } from '../../src/model/mask.ts'

const hidden: readonly { readonly name: string; readonly text: string; readonly masked: string }[] = [
  {
    name: 'a password in a URL',
    text: 'fatal: https://bot:s3cr3t@git.example.org/a.git not found',
    masked: 'fatal: https://***@git.example.org/a.git not found',
  },
  { name: 'a password with an @ in a URL', text: 'redis://:p@ss@redis:6379', masked: 'redis://***@redis:6379' },
  { name: 'a token as user', text: 'https://x-access-token@github.com/a', masked: 'https://***@github.com/a' },
  { name: 'a bearer token', text: 'sent Bearer abc.def-123 and failed', masked: 'sent Bearer *** and failed' },
  { name: 'an authorization header', text: 'Authorization: token 0123456789abcdef', masked: 'Authorization: ***' },
  { name: 'basic credentials', text: 'Basic dXNlcjpwYXNzd29yZA==', masked: 'Basic ***' },
  { name: 'a GitHub token', text: 'using ghp_abcdefghijklmnopqrstuvwxyz0123456789', masked: 'using ghp_***' },
  { name: 'a fine-grained GitHub token', text: 'github_pat_11ABCDEFG0abcdefghijkl_mnopq', masked: 'github_pat_***' },
  { name: 'a GitLab token', text: 'glpat-abcdefghij1234567890', masked: 'glpat-***' },
  { name: 'a webhook signing key', text: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', masked: 'whsec_***' },
  { name: 'a JSON Web Token', text: 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl', masked: 'eyJ***' },
  {
    name: 'a private key',
    text: '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\nBBBB\n-----END OPENSSH PRIVATE KEY-----',
    masked: '-----BEGIN OPENSSH PRIVATE KEY-----***-----END OPENSSH PRIVATE KEY-----',
  },
  { name: 'a password parameter', text: 'GET /?private_token=abcdef&page=2', masked: 'GET /?private_token=***&page=2' },
  { name: 'a password in JSON', text: '{"password":"hunter2","user":"a"}', masked: '{"password":"***","user":"a"}' },
  { name: 'an AWS key id', text: 'AKIAIOSFODNN7EXAMPLE', masked: 'AKIA***' },
]

describe('the mask', () => {
  for (const { name, text, masked } of hidden) test(`hides ${name}`, () => assert.equal(maskSecrets(text), masked))

  const innocent = [
    'Deployment/shop/api: apply refused: spec.replicas is owned by hpa',
    'Secret/shop/token is created',
    'https://github.com/acme/shop.git at refs/heads/main, 0123456789abcdef0123456789abcdef01234567',
    'git@github.com:acme/shop.git',
    'basic checks passed; the bearer of this message is a person',
  ]
  for (const text of innocent) test(`leaves "${text.slice(0, 40)}…" alone`, () => assert.equal(maskSecrets(text), text))

  test('hides the values it was told, in every form in which they travel', () => {
    const value = 'correct horse/battery+staple "quoted"'
    const mask = createMask([value])
    const forms = [
      value,
      JSON.stringify(value),
      encodeURIComponent(value),
      Buffer.from(value).toString('base64'),
      Buffer.from(value).toString('base64url'),
    ]
    for (const form of forms) assert.doesNotMatch(mask(`before ${form} after`), /horse|staple|Y29ycmVjd/)
  })

  test('hides a value that begins with another one completely', () => {
    assert.equal(createMask(['secret-one', 'secret-one-and-more'])('x secret-one-and-more y secret-one z'), 'x *** y *** z')
  })

  test('does not take a short value for a secret wherever it occurs', () => {
    assert.equal(createMask(['a', ''])('a cat'), 'a cat')
  })

  test('learns values later', () => {
    const mask = createMask()
    mask.add('learned-later')
    assert.equal(mask('is learned-later known'), 'is *** known')
  })

  test('hides any value and ends quickly on hostile text', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8, unit: 'binary' }), fc.string({ unit: 'binary' }), (secret, around) => {
        fc.pre(secret.trim().length >= 8)
        assert.ok(!createMask([secret])(`${around}${secret}${around}`).includes(secret.trim()) || '***'.includes(secret.trim()))
      }),
    )
    for (const hostile of [
      'a_'.repeat(100_000),
      'https://'.repeat(50_000),
      '-----BEGIN PRIVATE KEY-----'.repeat(2_000),
      'eyJ'.repeat(50_000),
      'bearer '.repeat(50_000),
    ])
      maskSecrets(hostile)
  })
})

describe('a Secret manifest', () => {
  test('is shown with its keys and without its values', () => {
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'db', annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"data":{"a":"aGk="}}', other: 'kept' } },
      data: { password: 'aHVudGVyMg==' },
      stringData: { user: 'hunter2' },
      type: 'Opaque',
    }
    assert.deepEqual(maskManifest(secret), {
      ...secret,
      metadata: { name: 'db', annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '***', other: 'kept' } },
      data: { password: '***' },
      stringData: { user: '***' },
    })
    assert.deepEqual(maskManifest({ apiVersion: 'v1', kind: 'List', items: [secret] }), {
      apiVersion: 'v1',
      kind: 'List',
      items: [maskManifest(secret)],
    })
  })

  test('leaves other kinds alone', () => {
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { key: 'value' } }
    assert.equal(maskManifest(map), map)
  })
})

test('what is stored of an error that nobody expected is masked', () => {
  assert.equal(problemOf(new Error('no https://bot:s3cr3t@git.example.org')).message, 'no https://***@git.example.org')
})
