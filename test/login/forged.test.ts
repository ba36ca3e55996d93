import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test, type TestContext } from 'node:test'
import { CLIENT, loginAt, startHouse } from './house.ts'
import { startForger, type Forgery } from './forger.ts'
import { createVisitor } from './visitor.ts'
import { until } from '../web/until.ts'

async function start(t: TestContext) {
  const forger = await startForger(t)
  // As a trusted proxy would say it.
  const addressOf = ({ headers }: IncomingMessage): string => String(headers['x-from'] ?? '127.0.0.1')
  const house = await startHouse(t, (origin) => loginAt(forger.issuer, origin), { addressOf })
  /** What becomes of a login at a provider that is wrong in this way. */
  const tryWith = async (forgery: Forgery): Promise<string> => {
    forger.forge(forgery)
    // A document of its own each time, so that the provider is asked about itself again.
    house.configure(loginAt(forger.issuer, house.url))
    const visitor = createVisitor()
    const headers = { Accept: 'application/json' }
    const begun = await visitor.visit(`${house.url}/login/acme/start`, { headers })
    const location = begun.headers.get('location')
    if (location === null) return `${begun.status} ${JSON.parse(begun.text).error.code}`
    forger.follow(location)
    const { searchParams } = new URL(location)
    const back = new URLSearchParams({ code: 'c', state: searchParams.get('state') ?? '' })
    const done = await visitor.visit(`${house.url}/login/acme/callback?${back}`, { headers })
    const isIn = visitor.cookies(house.url).has('gitwake')
    assert.equal(isIn, done.status === 303)
    return isIn ? 'let in' : `${done.status} ${JSON.parse(done.text).error.code}`
  }
  return { ...house, forger, tryWith }
}

const now = (): number => Math.floor(Date.now() / 1_000)

test('an ID token counts only if the provider signed it with a published key, for gitwake, now, in answer to this login', async (t) => {
  const { tryWith, logged, audited } = await start(t)
  assert.equal(await tryWith({}), 'let in')
  const cases: readonly (readonly [string, Forgery, string])[] = [
    ['alg none', { header: { alg: 'none' }, signature: 'none' }, '502 login-not-accepted'],
    ['alg NONE', { header: { alg: 'NONE' }, signature: 'none' }, '502 login-not-accepted'],
    ['no signature', { signature: 'none' }, '502 login-not-accepted'],
    ['HS256 with the public key', { header: { alg: 'HS256' }, signature: 'with the public key' }, '502 login-not-accepted'],
    ['HS256 with the client secret', { header: { alg: 'HS256' }, signature: 'with the client secret' }, '502 login-not-accepted'],
    ['another key', { signature: 'with another key' }, '502 login-not-accepted'],
    ['an unknown kid', { header: { kid: '../../k' } }, '502 login-not-accepted'],
    ['a key of its own', { header: { jku: 'http://127.0.0.1:1/jwks', kid: 'z' }, signature: 'with another key' }, '502 login-not-accepted'],
    ['another audience', { claims: { aud: 'somebody-else' } }, '502 login-wrong-token'],
    ['several audiences', { claims: { aud: [CLIENT.id, 'somebody-else'] } }, '502 login-wrong-token'],
    ['another party', { claims: { azp: 'somebody-else' } }, '502 login-not-accepted'],
    ['another issuer', { claims: { iss: 'https://evil.example' } }, '502 login-wrong-token'],
    ['another nonce', { claims: { nonce: 'x' } }, '502 login-wrong-token'],
    ['no nonce', { claims: { nonce: undefined } }, '502 login-not-accepted'],
    ['expired', { claims: { exp: now() - 120 } }, '502 login-clock'],
    ['not yet', { claims: { nbf: now() + 120 } }, '502 login-clock'],
    ['no subject', { claims: { sub: undefined } }, '502 login-not-accepted'],
    ['an empty subject', { claims: { sub: '' } }, '502 login-not-accepted'],
    ['a subject with line ends', { claims: { sub: 'ada\nroot' } }, '502 login-not-accepted'],
    ['a user info of another', { userinfo: { sub: 'grace', groups: ['shop'] } }, '502 login-not-accepted'],
    ['groups as an object', { claims: { groups: { shop: true } } }, '403 login-no-rights'],
    ['groups within groups', { claims: { groups: [['shop']] } }, '403 login-no-rights'],
    ['an unverified address', { claims: { groups: [], email: 'ada@example.org' } }, '403 login-no-rights'],
    ['an address verified in words', { claims: { groups: [], email: 'ada@example.org', email_verified: 'true' } }, '403 login-no-rights'],
    [
      'an address with two hosts',
      { claims: { groups: [], email: 'x@evil.example@example.org', email_verified: true } },
      '403 login-no-rights',
    ],
    [
      'an address of which another is verified',
      { claims: { groups: [], email: 'ada@example.org' }, userinfo: { sub: 'ada', email: 'x@evil.example', email_verified: true } },
      '403 login-no-rights',
    ],
  ]
  for (const [name, forgery, told] of cases) assert.equal(await tryWith(forgery), told, name)
  assert.equal(await tryWith({ claims: { exp: now() - 10 } }), 'let in', 'clocks differ a little')
  assert.equal(
    await tryWith({ claims: { groups: undefined }, userinfo: { sub: 'ada', groups: ['shop'] } }),
    'let in',
    'groups may stand in the user info alone',
  )
  assert.equal(
    await tryWith({ claims: { groups: [] }, userinfo: { sub: 'ada', email: 'Ada@Example.org', email_verified: true } }),
    'let in',
  )
  assert.ok(
    logged.some((line) => /HS256/.test(line)),
    'the log says what it was',
  )
  assert.ok(!logged.some((line) => /eyJ/.test(line)), 'and never a token')
  assert.equal(audited.filter(({ action }) => action === 'logged in').length, 4)
})

test('a provider that answers oddly is told in words, and cannot make gitwake go elsewhere or read without end', async (t) => {
  const { tryWith, forger } = await start(t)
  const at = (wanted: string, status: number, headers: Record<string, string>, body: string): Forgery => ({
    answer: (path, response) => path === wanted && Boolean(response.writeHead(status, headers).end(body)),
  })
  const discovery = '/.well-known/openid-configuration'
  const html = { 'Content-Type': 'text/html' }
  const json = { 'Content-Type': 'application/json' }
  assert.equal(await tryWith({ metadata: { issuer: 'https://evil.example' } }), '503 login-wrong-issuer')
  assert.equal(await tryWith(at(discovery, 404, html, 'nothing')), '503 login-wrong-answer')
  assert.equal(await tryWith(at(discovery, 200, html, '<p>')), '503 login-wrong-answer')
  assert.equal(await tryWith(at(discovery, 200, json, '{')), '503 login-wrong-answer')
  forger.asked.length = 0
  assert.equal(await tryWith(at(discovery, 302, { Location: `${forger.issuer}/elsewhere` }, '')), '503 login-wrong-answer')
  assert.deepEqual(forger.asked, [discovery], 'no redirect is followed')
  assert.match(await tryWith(at(discovery, 200, json, `{"x":"${'x'.repeat(2 * 1024 * 1024)}"}`)), /^503 /)
  assert.equal(await tryWith(at('/token', 500, html, 'oops')), '502 login-wrong-answer')
  assert.equal(await tryWith(at('/token', 400, json, '{"error":"invalid_grant"}')), '400 login-expired')
  assert.match(await tryWith(at('/jwks', 200, json, `{"keys":["${'x'.repeat(2 * 1024 * 1024)}"]}`)), /^502 /)
  assert.equal(await tryWith({ metadata: { authorization_endpoint: 'javascript:alert(1)' } }), '503 login-not-accepted')
})

test('without allowInsecure, gitwake asks neither plain http nor itself', async (t) => {
  const { forger, url, configure } = await start(t)
  for (const issuer of [forger.issuer, forger.issuer.replace('http:', 'https:'), 'https://169.254.169.254', 'https://localhost.']) {
    configure(loginAt(issuer, url, { allowInsecure: false }))
    assert.equal((await fetch(`${url}/login/acme/start`, { redirect: 'manual' })).status, 503, issuer)
  }
  assert.deepEqual(forger.asked, [])
})

/** Logins that have come back from a provider that keeps them waiting for its answer, which is no. */
async function waiting(t: TestContext) {
  const { forger, url } = await start(t)
  const held: (() => void)[] = []
  forger.forge({
    answer: (path, response) =>
      path === '/token' &&
      held.push(() => response.writeHead(400, { 'Content-Type': 'application/json' }).end('{"error":"invalid_grant"}')) > 0,
  })
  const comeBack = async (from: string) => {
    const visitor = createVisitor()
    const begun = await visitor.visit(`${url}/login/acme/start`)
    const state = new URL(begun.headers.get('location') ?? '').searchParams.get('state') ?? ''
    return () => visitor.visit(`${url}/login/acme/callback?code=c&state=${state}`, { headers: { 'X-From': from } })
  }
  const release = (): (() => void) => {
    const timer = setInterval(() => held.splice(0).forEach((go) => go()), 20)
    return () => clearInterval(timer)
  }
  return { comeBack, held, release }
}

test('many people who log in at once are told to come back, and a provider that hangs holds nobody for ever', async (t) => {
  const { comeBack, release } = await waiting(t)
  const back = await Promise.all(Array.from({ length: 30 }, async (_, index) => comeBack(`198.51.100.${index % 10}`)))
  const answers = back.map(async (come) => come())
  const refused = await Promise.race(answers)
  assert.equal(refused.status, 503)
  assert.match(refused.text, /Too many people log in at this moment/)
  const stop = release()
  const counts = Map.groupBy(await Promise.all(answers), ({ status }) => status)
  stop()
  assert.deepEqual([counts.get(503)?.length, counts.get(400)?.length], [10, 20])
})

test('who sends codes that they made up, from one network, does not take the room of all who log in', async (t) => {
  const { comeBack, held, release } = await waiting(t)
  const back = await Promise.all(Array.from({ length: 30 }, async (_, index) => comeBack(`2001:db8::${index}`)))
  const other = await comeBack('198.51.100.7')
  const flood = back.map(async (come) => come())
  await until(async () => held.length === 5)
  const answer = other()
  await until(async () => held.length === 6)
  const stop = release()
  const statuses = (await Promise.all(flood)).map(({ status }) => status)
  assert.deepEqual([statuses.filter((status) => status === 503).length, (await answer).status], [25, 400])
  stop()
})
