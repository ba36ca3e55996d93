import assert from 'node:assert/strict'
import { createHmac, createPublicKey } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { generateKeyPair } from 'jose'
import request from 'supertest'
import type { AccessToken, IssuedTokens } from '../../src/model/configuration.ts'
import type { Log } from '../../src/model/log.ts'
import { maskSecrets } from '../../src/model/mask.ts'
import { createIssuedTokenBook } from '../../src/web/issued-tokens.ts'
import { AUDIENCE, MAIN, startIssuer, type Issuer } from './issuer.ts'
import { sampleConfiguration, sampleStatus } from './samples.ts'
import { startWeb, TOKEN } from './start.ts'

const NAMES = ['shop-prod', 'shop-test', 'billing']
const SECOND = 1000

function documentOf(issuer: Pick<Issuer, 'url'>, fields: Partial<IssuedTokens> = {}, token: Partial<AccessToken> = {}): AccessToken {
  return {
    name: 'shop-ci',
    secret: {
      kind: 'issued',
      issuer: issuer.url,
      audience: AUDIENCE,
      claims: { sub: [MAIN] },
      maxAgeMs: 3_600_000,
      allowInsecure: true,
      ...fields,
    },
    grant: { allow: 'sync', applications: ['shop-*'], clusters: ['*'] },
    ...token,
  }
}

async function start(t: TestContext, tokens: readonly AccessToken[]) {
  const configuration = sampleConfiguration(NAMES, tokens)
  const web = await startWeb(t, { configuration: () => configuration })
  web.ledger.setStatuses(NAMES.map((application) => sampleStatus({ application })))
  const sync = (token: string, path = '/api/applications/shop-prod/sync') =>
    request(web.url).post(path).set('Authorization', `Bearer ${token}`)
  return { ...web, sync }
}

/** The book behind the door, where nobody is slowed down. */
function bookOf(tokens: readonly AccessToken[], resolve?: () => Promise<readonly string[]>) {
  const configuration = sampleConfiguration(NAMES, tokens)
  const logged: string[] = []
  const write = (fields: object, message: string): void => void logged.push(`${message} ${JSON.stringify(fields)}`)
  const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log }
  const { principalOf } = createIssuedTokenBook({ configuration: () => configuration, log, now: Date.now, ...(resolve && { resolve }) })
  return { principalOf, logged }
}

const encoded = (value: object | string): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

test('a pipeline syncs by the token that its CI system made for it, within the rights of its document, and is named by what it is', async (t) => {
  const issuer = await startIssuer(t)
  const { sync, url, ledger } = await start(t, [documentOf(issuer)])
  const token = await issuer.token()
  await sync(token).expect(202)
  await sync(token, '/api/applications/shop-test/sync?revision=4f2a91c0d5e6b7a8c9d0e1f2a3b4c5d6e7f80912').expect(202)
  assert.deepEqual(
    ledger.triggers.map(({ target, trigger }) => [target.application, trigger.actor]),
    [
      ['shop-prod', `oidc:${issuer.url} sub=${MAIN}`],
      ['shop-test', `oidc:${issuer.url} sub=${MAIN}`],
    ],
  )
  const github = `oidc:https://token.actions.githubusercontent.com sub=${MAIN}`
  assert.equal(maskSecrets(github), github, 'the audit log shows it whole')
  const get = (path: string) => request(url).get(path).set('Authorization', `Bearer ${token}`)
  const { body } = await get('/api/applications').expect(200)
  assert.deepEqual(
    body.applications.map(({ application }: { application: string }) => application),
    ['shop-prod', 'shop-test'],
  )
  await get('/api/applications/billing').expect(404)
  await sync(token, '/api/applications/billing/sync').expect(404)
  const { body: refused } = await sync(token, '/api/applications/shop-prod/sync?confirm=x').expect(403)
  assert.match(refused.error.message, /^oidc:http.* sub=repo:acme\/shop:ref:refs\/heads\/main has no right to operate/)
  await get('/api/audit').expect(403)
  assert.deepEqual(issuer.requests, ['/.well-known/openid-configuration', '/keys'], 'keys are fetched once')
})

test('a forged, foreign or stale token opens nothing, and what it says of keys is not looked at', async (t) => {
  const issuer = await startIssuer(t)
  const other = await startIssuer(t)
  const rules = { claims: { sub: [MAIN], ref: ['refs/heads/main', 'refs/heads/release/*'] } }
  const { principalOf, logged } = bookOf([documentOf(issuer, rules)])
  const now = Math.floor(Date.now() / 1000)
  const [head = '', payload = '', signature = ''] = (await issuer.token()).split('.')
  const pem = createPublicKey({ key: { ...issuer.publicKey }, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  const byPublicKey = (header: object, secret: string | Buffer): string => {
    const signed = `${encoded(header)}.${payload}`
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
  }
  const stranger = (await generateKeyPair('RS256')).privateKey
  const elliptic = (await generateKeyPair('ES256')).privateKey
  const hostile: Readonly<Record<string, string>> = {
    'alg none': `${encoded({ alg: 'none', kid: 'first' })}.${payload}.`,
    'alg None, with the old signature': `${encoded({ alg: 'None', kid: 'first' })}.${payload}.${signature}`,
    'no alg': `${encoded({ kid: 'first' })}.${payload}.${signature}`,
    'HS256 by the public key as PEM': byPublicKey({ alg: 'HS256', kid: 'first' }, String(pem)),
    'HS256 by the modulus': byPublicKey({ alg: 'HS256', kid: 'first' }, Buffer.from(issuer.publicKey.n ?? '', 'base64url')),
    'HS256 by nothing': byPublicKey({ alg: 'HS256' }, ''),
    'a kid that is a path': await issuer.token({}, { kid: '../../../dev/null' }),
    'a kid that is a query': await issuer.token({}, { kid: "first' OR '1'='1" }),
    'a kid of a prototype': await issuer.token({}, { kid: '__proto__' }),
    "another's key under our kid": await issuer.token({}, {}, stranger),
    'another kind of key': await issuer.token({}, { alg: 'ES256' }, elliptic),
    "another's key by jku": await issuer.token({}, { jku: `${other.url}/keys` }, stranger),
    "another's key by x5u": await issuer.token({}, { x5u: `${other.url}/keys` }, stranger),
    "another's key by jwk": await issuer.token({}, { jwk: other.publicKey }, stranger),
    'a critical extension': `${encoded({ alg: 'RS256', kid: 'first', crit: ['b64'], b64: false })}.${payload}.${signature}`,
    'no signature': `${head}.${payload}.`,
    'half a signature': `${head}.${payload}.${signature.slice(0, 100)}`,
    'an altered payload': `${head}.${encoded({ iss: issuer.url, aud: AUDIENCE, sub: MAIN, exp: now + 300, iat: now })}.${signature}`,
    'five parts': `${head}.${payload}.${signature}.${payload}.${signature}`,
    'another audience': await issuer.token({ aud: 'https://other.example.org' }),
    'our audience and another': await issuer.token({ aud: [AUDIENCE, 'https://other.example.org'] }),
    'another audience, then ours': await issuer.token({ aud: ['https://other.example.org', AUDIENCE] }),
    'our audience, nearly': await issuer.token({ aud: `${AUDIENCE}/` }),
    'no audience': await issuer.token({ aud: undefined }),
    'an empty audience': await issuer.token({ aud: [] }),
    expired: await issuer.token({ exp: now - 60 }),
    'no end': await issuer.token({ exp: undefined }),
    'no beginning': await issuer.token({ iat: undefined }),
    'no subject': await issuer.token({ sub: undefined }),
    'not valid yet': await issuer.token({ nbf: now + 120 }),
    'made in the future': await issuer.token({ iat: now + 120 }),
    'made long ago for a year': await issuer.token({ iat: now - 4000, nbf: now - 4000, exp: now + 31_536_000 }),
    'times as text': await issuer.token({ exp: String(now + 300) }),
    'another repository': await issuer.token({ sub: 'repo:evil/shop:ref:refs/heads/main' }),
    'a repository that begins like ours': await issuer.token({ sub: 'repo:acme/shop-evil:ref:refs/heads/main' }),
    'a branch that begins like ours': await issuer.token({ sub: `${MAIN}-evil`, ref: 'refs/heads/main-evil' }),
    'a branch that ends like ours': await issuer.token({ ref: 'refs/heads/evil/refs/heads/main' }),
    'a branch below the pattern': await issuer.token({ ref: 'refs/heads/release/1/evil' }),
    'a branch in capitals': await issuer.token({ ref: 'refs/heads/MAIN' }),
    'a branch with a line end': await issuer.token({ ref: 'refs/heads/main\n' }),
    'a claim that is missing': await issuer.token({ ref: undefined }),
    'a claim as an object': await issuer.token({ ref: { toString: 'refs/heads/main' } }),
    'another issuer, with its own key': await other.token({ sub: MAIN }),
    'our issuer, by the key of another': await other.token({ iss: issuer.url }),
    'our issuer, with a slash': await issuer.token({ iss: `${issuer.url}/` }),
    'no issuer': await issuer.token({ iss: undefined }),
    'two issuers': await issuer.token({ iss: [issuer.url] }),
    'no JSON': `${head}.${encoded('{"iss":')}.${signature}`,
    'a null': `${head}.${encoded('null')}.${signature}`,
  }
  const { kid } = issuer.publicKey
  const says = (more: string): string =>
    `{"iss":"${issuer.url}","aud":"${AUDIENCE}","iat":${now},"exp":${now + 300},"ref":"refs/heads/main",${more}}`
  const signed: Readonly<Record<string, string>> = {
    'one claim twice': await issuer.sign(says(`"sub":"repo:evil/x:ref:refs/heads/main","sub":"${MAIN}"`)),
    'one claim twice, spelled differently': await issuer.sign(says(`"sub":"x","s\\u0075b":"${MAIN}"`)),
    'one claim twice, further down': await issuer.sign(says(`"sub":"${MAIN}","act":[{"a":1,"a":2}]`)),
    'a claim only in the prototype': await issuer.sign(
      says(`"sub":"${MAIN}","__proto__":{"ref":"refs/heads/main"}`).replace('"ref":"refs/heads/main",', ''),
    ),
    'text after the payload': await issuer.sign(`${says(`"sub":"${MAIN}"`)} {}`),
  }
  assert.equal(kid, 'first')
  assert.notEqual(
    await principalOf(await issuer.sign(says(`"sub":"${MAIN}","act":[{"sub":"\\"sub\\":"},{"sub":1}]`))),
    undefined,
    'a name at two places is none',
  )
  for (const [what, token] of Object.entries({ ...hostile, ...signed })) assert.equal(await principalOf(token), undefined, what)
  assert.notEqual(await principalOf(await issuer.token()), undefined)
  assert.deepEqual(other.requests, [], 'no other place is asked for keys')
  assert.ok(
    logged.length > 10 && !logged.some((line) => line.includes(signature.slice(0, 40)) || line.includes(payload.slice(0, 80))),
    'no token is logged',
  )
})

test('a refused token is a wrong token to whoever sends it, and one that is larger than a header may be is not read', async (t) => {
  const issuer = await startIssuer(t)
  const { sync, ledger } = await start(t, [documentOf(issuer)])
  const { body: usual } = await sync('not-a-token').expect(401)
  const large = 'x'.repeat(9000)
  for (const token of [
    await issuer.token({ sub: `${MAIN}-evil` }),
    await issuer.token({ exp: 1 }),
    await issuer.token({ aud: 'x' }),
    await issuer.token({ sub: large }),
  ])
    assert.deepEqual((await sync(token).expect(401)).body, usual)
  await sync(await issuer.token({ large })).expect(202)
  await sync(await issuer.token({ large: large + large })).expect(431)
  assert.equal(ledger.triggers.length, 1)
  // Whoever guesses such tokens is slowed down as with any other.
  for (let tries = 0; tries < 30; tries++) await sync(await issuer.token({ aud: 'x' }))
  await sync(await issuer.token({ aud: 'x' })).expect(429)
})

test('a new key of the issuer is found by its first token; whoever invents keys makes one request in half a minute', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
  const issuer = await startIssuer(t)
  const { principalOf } = bookOf([documentOf(issuer)])
  assert.notEqual(await principalOf(await issuer.token()), undefined)
  const before = await issuer.token()
  await issuer.rotate('second')
  t.mock.timers.tick(31 * SECOND)
  assert.notEqual(await principalOf(await issuer.token()), undefined)
  assert.notEqual(await principalOf(before), undefined, 'the old key is published still')
  assert.equal(issuer.requests.length, 4)
  const stranger = (await generateKeyPair('RS256')).privateKey
  const invented = await Promise.all(Array.from({ length: 50 }, (_, index) => issuer.token({}, { kid: `invented-${index}` }, stranger)))
  for (const wave of [0, 1, 2]) {
    assert.deepEqual(await Promise.all(invented.map(principalOf)), Array(50).fill(undefined))
    assert.equal(issuer.requests.length, 4 + 2 * wave)
    t.mock.timers.tick(31 * SECOND)
  }
})

test('while the keys of an issuer cannot be had, its tokens get 503, are told why, and nobody asks again and again', async (t) => {
  const issuer = await startIssuer(t)
  const { sync, url, logged } = await start(t, [documentOf(issuer)])
  const token = await issuer.token()
  issuer.intercept((_request, response) => (response.writeHead(500).end(), true))
  for (let tries = 0; tries < 20; tries++) {
    const { body, headers } = await sync(token).expect(503)
    assert.equal(body.error.code, 'issuer-unavailable')
    assert.match(body.error.message, /openid-configuration answers 500/)
    assert.match(String(headers['retry-after']), /^\d+$/)
  }
  assert.equal(issuer.requests.length, 1)
  assert.equal(logged.filter((line) => line.includes('the keys of the issuer')).length, 1)
  const withOwn = (own: string) => request(url).get('/api/applications').set('Authorization', `Bearer ${own}`)
  await withOwn(TOKEN).expect(200)
  await withOwn('gwt_wrong').expect(401)
})

test('an issuer that comes back is asked again after ten seconds', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
  const issuer = await startIssuer(t)
  const { principalOf } = bookOf([documentOf(issuer)])
  issuer.intercept((_request, response) => (response.destroy(), true))
  await assert.rejects(principalOf(await issuer.token()), { code: 'issuer-unavailable', retryable: true })
  issuer.intercept(() => false)
  await assert.rejects(principalOf(await issuer.token()), { code: 'issuer-unavailable' })
  t.mock.timers.tick(11 * SECOND)
  assert.notEqual(await principalOf(await issuer.token()), undefined)
})

test('what an issuer answers is small JSON about itself, from where it says, or nothing', async (t) => {
  const inner = await startIssuer(t)
  const json = (value: unknown): string => JSON.stringify(value)
  const answers: Readonly<
    Record<string, readonly [path: string, status: number, body: string | Buffer, headers: Readonly<Record<string, string>>, told: RegExp]>
  > = {
    'keys of 50 MB': ['/keys', 200, Buffer.alloc(50 * 1024 * 1024, 0x20), {}, /more than 262144 bytes/],
    'a redirect to a metadata service': [
      '/keys',
      302,
      '',
      { Location: 'http://169.254.169.254/latest/meta-data/' },
      /answers 302 \(redirects are not followed\)/,
    ],
    'a redirect inwards': [
      '/.well-known/openid-configuration',
      307,
      '',
      { Location: `${inner.url}/.well-known/openid-configuration` },
      /answers 307/,
    ],
    'keys by a file': [
      '/.well-known/openid-configuration',
      200,
      json({ issuer: 'URL', jwks_uri: 'file:///etc/passwd' }),
      {},
      /is file:\/\//,
    ],
    'keys with a password': [
      '/.well-known/openid-configuration',
      200,
      json({ issuer: 'URL', jwks_uri: 'https://u:p@h/' }),
      {},
      /carries a user name/,
    ],
    'the name of another issuer': [
      '/.well-known/openid-configuration',
      200,
      json({ issuer: inner.url, jwks_uri: `${inner.url}/keys` }),
      {},
      /calls itself "http/,
    ],
    'no place of keys': ['/.well-known/openid-configuration', 200, json({ issuer: 'URL' }), {}, /names no jwks_uri/],
    'a page': ['/keys', 200, '<html>', {}, /answers no JSON object/],
    'no set of keys': ['/keys', 200, json({ keys: 'none' }), {}, /no set of at most 100 keys/],
    'too many keys': ['/keys', 200, json({ keys: Array(101).fill({}) }), {}, /no set of at most 100 keys/],
  }
  for (const [what, [path, status, body, headers, told]] of Object.entries(answers)) {
    const issuer = await startIssuer(t)
    issuer.intercept((request, response) => {
      if (request.url !== path) return false
      response.writeHead(status, headers).end(typeof body === 'string' ? body.replace('URL', issuer.url) : body)
      return true
    })
    await assert.rejects(
      bookOf([documentOf(issuer)]).principalOf(await issuer.token()),
      { code: 'issuer-unavailable', message: told },
      what,
    )
  }
  assert.deepEqual(inner.requests, [])
})

test('no token, however it is made, and no key, however odd, is more than a wrong token', async (t) => {
  const issuer = await startIssuer(t)
  const odd = ['RSA', 'EC', 'OKP', 'AKP', 7].flatMap((kty) =>
    ['RS256', 'ES256', 'EdDSA', 'Ed25519', undefined].flatMap((alg) => [
      { kty, alg, kid: `odd ${kty} ${alg} bare` },
      { kty, alg, kid: `odd ${kty} ${alg}`, n: 'AQAB', e: 'AQAB', crv: 'P-256', x: 'AA', y: 'AA' },
      { kty, alg, kid: `odd 25519 ${kty} ${alg}`, n: '', e: 7, crv: 'Ed25519', x: '!', use: 'sig' },
    ]),
  )
  issuer.intercept((request, response) => {
    if (request.url !== '/keys') return false
    response.end(JSON.stringify({ keys: [issuer.publicKey, ...odd] }))
    return true
  })
  const { principalOf } = bookOf([documentOf(issuer)])
  const [, payload = '', signature = ''] = (await issuer.token()).split('.')
  for (const { kid } of odd)
    for (const alg of ['RS256', 'ES256', 'EdDSA', 'Ed25519'])
      assert.equal(await principalOf(`${encoded({ alg, kid })}.${payload}.${signature}`), undefined, `${kid} for ${alg}`)
  const json = fc.jsonValue({ maxDepth: 3 })
  const header = fc.record(
    {
      alg: fc.oneof(fc.constantFrom('RS256', 'ES256', 'EdDSA', 'Ed25519', 'PS512', 'HS256', 'none'), json),
      kid: fc.oneof(fc.constantFrom('first', ...odd.map(({ kid }) => kid)), json),
      crit: json,
      b64: json,
      typ: json,
    },
    { requiredKeys: [] },
  )
  const body = fc.oneof(
    fc.constant(payload),
    fc
      .record({ iss: fc.constant(issuer.url), aud: json, sub: json, iat: json, exp: json, nbf: json }, { requiredKeys: ['iss'] })
      .map(encoded),
    json.map((value) => encoded(JSON.stringify(value))),
    fc.string().map(encoded),
  )
  const end = fc.oneof(
    fc.constant(signature),
    fc.base64String().map((text) => text.replaceAll('=', '')),
  )
  await fc.assert(
    fc.asyncProperty(header, body, end, async (head, middle, tail) => {
      // What was signed is not made up here: the first token's own header is of another order.
      assert.equal(await principalOf(`${encoded({ more: 1, ...head })}.${middle}.${tail}`), undefined)
    }),
    { numRuns: 2000 },
  )
})

test('a secret among the published keys opens nothing', async (t) => {
  const issuer = await startIssuer(t)
  issuer.intercept((request, response) => {
    if (request.url !== '/keys') return false
    response.end(JSON.stringify({ keys: [{ kty: 'oct', kid: 'first', k: encoded('a secret that everybody knows') }] }))
    return true
  })
  const [, payload] = (await issuer.token()).split('.')
  const unsigned = `${encoded({ alg: 'HS256', kid: 'first' })}.${payload}`
  const forged = `${unsigned}.${createHmac('sha256', 'a secret that everybody knows').update(unsigned).digest('base64url')}`
  assert.equal(await bookOf([documentOf(issuer)]).principalOf(forged), undefined)
})

test('an issuer whose name leads to this machine is not asked, unless its document allows it', async (t) => {
  const issuer = await startIssuer(t)
  const { port } = new URL(issuer.url)
  const named = `https://issuer.example:${port}`
  const resolve = async (): Promise<readonly string[]> => ['127.0.0.1']
  const { principalOf } = bookOf([documentOf({ url: named }, { allowInsecure: false })], resolve)
  await assert.rejects(principalOf(await issuer.token({ iss: named })), {
    code: 'issuer-unavailable',
    message: /issuer\.example is at 127\.0\.0\.1/,
  })
  const open = bookOf([documentOf({ url: `http://issuer.example:${port}` }, { jwksUri: `http://issuer.example:${port}/keys` })], resolve)
  assert.notEqual(await open.principalOf(await issuer.token({ iss: `http://issuer.example:${port}` })), undefined)
  assert.deepEqual(issuer.requests, ['/keys'])
})

test('every document whose claims a token has adds its right, until the document expires', async (t) => {
  const issuer = await startIssuer(t)
  const operate = { allow: 'operate', applications: ['billing'], clusters: ['*'] } as const
  const documents = [
    documentOf(issuer),
    documentOf(issuer, { claims: { repository: ['acme/*'] } }, { name: 'billing', grant: operate }),
    documentOf(issuer, { claims: { groups: ['deployers'] } }, { name: 'groups', grant: operate }),
    documentOf(issuer, { audience: 'https://other.example.org' }, { name: 'other', grant: operate }),
    documentOf(issuer, {}, { name: 'old', grant: operate, expiresAt: 1 }),
  ]
  const { principalOf } = bookOf(documents)
  const grants = async (claims: Parameters<Issuer['token']>[0]) =>
    (await principalOf(await issuer.token(claims)))?.grants.map(({ allow }) => allow)
  assert.deepEqual(await grants({}), ['sync', 'operate'])
  assert.deepEqual(await grants({ sub: 'repo:acme/x:pull_request' }), ['operate'])
  assert.deepEqual(await grants({ sub: 'x', repository: 'evil/shop', groups: ['a', 'deployers'] }), ['operate'])
  assert.deepEqual(await grants({ sub: 'x', repository: 'evil/shop', groups: 'deployers-not' }), undefined)
  assert.deepEqual(await grants({ aud: ['https://other.example.org'] }), ['operate'])
})
