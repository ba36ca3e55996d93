import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sessionDigest } from '../../src/login/seal.ts'
import { receiverKeys } from '../../src/model/keys.ts'
import { TOKEN } from '../web/start.ts'
import { until } from '../web/until.ts'
import { CLIENT, loginAt, peopleOf, startHouse } from './house.ts'
import { startIdentityProvider, type IdentityProvider } from './identity-provider.ts'
import { createVisitor, type Visitor } from './visitor.ts'
import type { TestContext } from 'node:test'
import type { Login } from '../../src/model/configuration.ts'

const LOCAL = { 'Sec-Fetch-Site': 'same-origin' }

async function start(t: TestContext, fields: Partial<Login> = {}, more: Partial<Parameters<typeof startIdentityProvider>[1]> = {}) {
  let provider: IdentityProvider | undefined
  const house = await startHouse(t, async (origin) => {
    provider = await startIdentityProvider(t, { origin, ...more })
    return loginAt(provider.issuer, origin, fields)
  })
  const { issuer = '', stop = async () => undefined } = provider ?? {}
  const begin = `${house.url}/login/acme/start`
  const enter = async (as: string, visitor: Visitor = createVisitor(), path = '/') => ({
    visitor,
    page: await visitor.follow(`${begin}?return=${encodeURIComponent(path)}`, as),
  })
  return { ...house, issuer, stopProvider: stop, begin, enter }
}

/** As far as the provider's answer, which is not taken back to gitwake yet. */
async function untilCallback(visitor: Visitor, begin: string, as: string): Promise<string> {
  let answer = await visitor.visit(begin)
  for (let step = 0; step < 10; step += 1) {
    const isChoice = new URL(answer.url).pathname.startsWith('/interaction/') && answer.status === 200
    const next = isChoice ? `${answer.url}?as=${as}` : new URL(answer.headers.get('location') ?? '', answer.url).href
    if (new URL(next).pathname.endsWith('/callback')) return next
    answer = await visitor.visit(next)
  }
  return assert.fail('the provider leads nowhere')
}

test('a page leads to the login, the login to the provider, and that back to the page', async (t) => {
  const { url, issuer, enter, audited } = await start(t)
  const visitor = createVisitor()
  const door = await visitor.visit(`${url}/applications/shop-prod?x=1`)
  assert.deepEqual([door.status, door.headers.get('location')], [303, '/login?return=%2Fapplications%2Fshop-prod%3Fx%3D1'])
  const offered = await visitor.follow(`${url}/applications/shop-prod?x=1`)
  assert.match(
    offered.text,
    /<a class="button main" href="\/login\/acme\/start\?return=%2Fapplications%2Fshop-prod%3Fx%3D1">Log in with Acme SSO<\/a>/,
  )
  assert.equal(offered.headers.get('www-authenticate'), null, 'no dialogue of the browser')
  for (const [, asset = ''] of offered.text.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g))
    assert.equal((await fetch(url + asset)).status, 200, asset)
  const atProvider = await visitor.follow(`${url}/login/acme/start`)
  assert.ok(atProvider.url.startsWith(`${issuer}/interaction/`), atProvider.url)

  const { page } = await enter('ada', visitor, '/applications/shop-prod?x=1')
  assert.deepEqual([page.status, page.url], [200, `${url}/applications/shop-prod?x=1`])
  assert.match(page.text, /<form class="who" method="post" action="\/logout"><span class="who-name" title="ada@example.org \(acme\)">/)
  assert.deepEqual(
    audited.map(({ actor, action, detail }) => [actor, action, detail]),
    [['ada@example.org (acme)', 'logged in', { login: 'acme', subject: 'ada', by: ['shop'] }]],
  )
})

test('whose session it is and what they may do is told; what they do carries their name', async (t) => {
  const { url, enter, ledger } = await start(t)
  const { visitor } = await enter('ada')
  const me = JSON.parse((await visitor.visit(`${url}/api/me`)).text)
  assert.deepEqual(
    { ...me, session: { ...me.session, expiresAt: 0 } },
    {
      name: 'ada@example.org (acme)',
      shared: false,
      session: { login: 'acme', expiresAt: 0 },
      grants: [{ allow: 'operate', applications: ['*'], clusters: ['*'] }],
    },
  )
  assert.equal((await visitor.visit(`${url}/api/applications/shop-prod/sync?confirm=abc`, { method: 'POST', headers: LOCAL })).status, 202)
  assert.equal(ledger.triggers[0]?.trigger.actor, 'ada@example.org (acme)')
  assert.deepEqual(ledger.confirmed, [{ application: 'shop-prod', digest: 'abc', actor: 'ada@example.org (acme)' }])
})

test('another site makes a browser with a session change nothing, and a request that names no site neither', async (t) => {
  const { url, enter, ledger, audited } = await start(t)
  const { visitor } = await enter('ada')
  const foreign = [
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
    { Origin: 'https://evil.example' },
    { Origin: 'null' },
    {},
  ]
  for (const path of ['/api/applications/shop-prod/sync', '/api/applications/shop-prod/suspend', '/logout']) {
    for (const headers of foreign) {
      const answer = await visitor.visit(url + path, { method: 'POST', headers: { ...headers, Accept: 'application/json' } })
      assert.deepEqual([answer.status, JSON.parse(answer.text).error.code], [403, 'cross-origin'], `${path} ${JSON.stringify(headers)}`)
    }
  }
  assert.equal((await visitor.visit(`${url}/logout`)).status, 404, 'a link ends nothing')
  assert.equal((await visitor.visit(`${url}/api/me`)).status, 200)
  assert.deepEqual([ledger.triggers, ledger.said, audited.map(({ action }) => action)], [[], [], ['logged in']])
  assert.equal((await visitor.visit(`${url}/api/applications/shop-prod/sync`, { method: 'POST', headers: { Origin: url } })).status, 202)
})

test('a logout ends the session here, for everybody who kept its cookie, and leads to where the provider ends its own', async (t) => {
  const { url, enter, issuer, audited, begin, redis } = await start(t)
  const { visitor } = await enter('ada')
  const kept = visitor.cookies(url).get('gitwake') ?? ''
  const out = await visitor.visit(`${url}/logout`, { method: 'POST', headers: LOCAL })
  const [, refresh = ''] = /<meta http-equiv="refresh" content="0;url=([^"]+)">/.exec(out.text) ?? []
  const end = new URL(refresh.replaceAll('&amp;', '&'))
  assert.equal(end.origin, issuer)
  assert.deepEqual([end.searchParams.get('post_logout_redirect_uri'), end.searchParams.get('client_id')], [`${url}/login`, CLIENT.id])
  assert.equal(visitor.cookies(url).has('gitwake'), false)
  for (const Cookie of [`gitwake=${kept}`, `__Host-gitwake=${kept}`]) {
    assert.equal((await fetch(`${url}/api/me`, { headers: { Cookie } })).status, 401)
  }
  assert.deepEqual((await redis.client.keys('*session*')).length, 0)

  const confirmation = await visitor.visit(end.href)
  const [, xsrf = ''] = /name="xsrf" value="([^"]+)"/.exec(confirmation.text) ?? []
  const ended = await visitor.visit(`${issuer}/session/end/confirm`, {
    method: 'POST',
    body: new URLSearchParams({ xsrf, logout: 'yes' }),
  })
  assert.equal(ended.headers.get('location'), `${url}/login`)
  assert.match((await visitor.follow(begin)).text, /I am ada/, 'the provider asks again who it is')
  assert.deepEqual(
    audited.map(({ action, actor }) => [action, actor]),
    ['logged in', 'logged out'].map((action) => [action, 'ada@example.org (acme)']),
  )
  assert.equal(
    (await visitor.visit(`${url}/logout`, { method: 'POST', headers: LOCAL })).headers.get('location'),
    '/login',
    'a second one is none',
  )
})

test('who may do nothing gets no session, and is told who they are and what is missing', async (t) => {
  const { url, enter, audited, logged, redis, configure, issuer } = await start(t)
  const { page, visitor } = await enter('grace')
  assert.equal(page.status, 403)
  assert.match(
    page.text,
    /grace, grace \(acme\) has logged in at Acme SSO, but may do nothing here\. Acme SSO does not vouch for the e-mail address/,
  )
  assert.equal(visitor.cookies(url).has('gitwake'), false)
  assert.deepEqual(await redis.client.keys('*'), [])
  assert.deepEqual(
    audited.map(({ actor, action, detail }) => [actor, action, detail]),
    [['grace, grace (acme)', 'login refused', { login: 'acme', code: 'login-no-rights' }]],
  )
  assert.ok(logged.some((line) => /groups: everyone/.test(line)))

  // One string is one group, whatever stands in it; a name that somebody chose opens nothing and is nobody else's.
  const { page: other } = await enter('mallory')
  assert.match(other.text, /mallory@evil\.example \(acme\) has logged in at Acme SSO, but may do nothing here\.</)
  configure(loginAt(issuer, url, { people: [peopleOf('odd', { groups: ['shop,admins'] })] }))
  assert.equal((await enter('mallory')).page.status, 200)
  configure(loginAt(issuer, url, { people: [] }))
  assert.equal((await enter('ada')).page.status, 403, 'by default nothing')
  configure(loginAt(issuer, url, { people: [peopleOf('all', { everybody: true })] }))
  assert.equal((await enter('grace')).page.status, 200)
})

test('rights are those of the configuration at each request, and end with it', async (t) => {
  const { url, issuer, enter, configure } = await start(t)
  const { visitor } = await enter('ada')
  const sync = async (name: string) =>
    (await visitor.visit(`${url}/api/applications/${name}/sync`, { method: 'POST', headers: LOCAL })).status
  assert.equal(await sync('billing'), 202)
  configure(loginAt(issuer, url, { people: [peopleOf('shop', { subjects: ['ada'], grant: { allow: 'sync', applications: ['shop-*'] } })] }))
  assert.deepEqual([await sync('shop-prod'), await sync('billing')], [202, 404])
  assert.equal((await visitor.visit(`${url}/queues/`)).status, 403, 'the queues tell of every application')
  configure(loginAt(issuer, url, { people: [peopleOf('others', { groups: ['others'] })] }))
  const refused = await visitor.visit(`${url}/`)
  assert.match(refused.text, /ada@example\.org \(acme\) has no right to read anything\./)
  assert.match(refused.text, /action="\/logout"/, 'and can log out, to become somebody else')
  configure(loginAt(issuer, url, { name: 'other' }))
  assert.equal((await visitor.visit(`${url}/`)).headers.get('location'), '/login?return=%2F', 'without its Login there is no session')
})

test('a session ends when it idles, at its end however busy it is, and with a new secret', async (t) => {
  const { url, issuer, enter, pass, redis, configure } = await start(t)
  const { visitor } = await enter('ada')
  const [, id = ''] = (visitor.cookies(url).get('gitwake') ?? '').split('.')
  const key = receiverKeys.session(sessionDigest(id))
  const isIn = async (): Promise<boolean> => (await visitor.visit(`${url}/api/me`)).status === 200
  await redis.client.pexpire(key, 1_000)
  assert.equal(await isIn(), true)
  assert.ok((await redis.client.pttl(key)) > 3_600_000, 'to be used keeps it')
  pass(11 * 3_600_000)
  assert.equal(await isIn(), true)
  pass(3_600_000)
  assert.equal(await isIn(), false)
  assert.equal(await redis.client.exists(key), 0)

  const { visitor: idle } = await enter('ada')
  await redis.client.pexpire(receiverKeys.session(sessionDigest((idle.cookies(url).get('gitwake') ?? '').split('.')[1] ?? '')), 0)
  assert.equal((await idle.visit(`${url}/`)).headers.get('location'), '/login?return=%2F')

  const { visitor: last } = await enter('ada')
  configure(loginAt(issuer, url, { clientSecretFrom: undefined as never }))
  assert.equal((await last.visit(`${url}/api/me`)).status, 401, 'sealed with the secret of before')
})

test('a session of one provider is none of another, also where both share a secret', async (t) => {
  const { url, issuer, enter, configure } = await start(t)
  const { visitor } = await enter('ada')
  const [, id = ''] = (visitor.cookies(url).get('gitwake') ?? '').split('.')
  const statusAs = async (login: Partial<Login>): Promise<number> => {
    configure(loginAt(issuer, url, login))
    return (await fetch(`${url}/api/me`, { headers: { Cookie: `gitwake=${login.name ?? 'acme'}.${id}` } })).status
  }
  assert.equal(await statusAs({ name: 'globex' }), 401, 'another Login')
  assert.equal(await statusAs({ issuer: `${issuer}/elsewhere` }), 401, 'another issuer')
  assert.equal(await statusAs({ clientId: 'another' }), 401, 'another client')
  assert.equal(await statusAs({}), 200)
})

test('nobody gets in by a cookie that they made, and Redis holds neither names nor anything that opens', async (t) => {
  const { url, enter, redis } = await start(t)
  const { visitor } = await enter('ada')
  const [name, value] = [...visitor.cookies(url)].find(([one]) => one === 'gitwake') ?? []
  assert.equal(name, 'gitwake')
  const [, id = ''] = (value ?? '').split('.')
  const forged = [
    '',
    'acme',
    'acme.',
    `acme.${id.slice(0, -1)}`,
    `acme.${id}x`,
    `other.${id}`,
    `acme.${'A'.repeat(43)}`,
    `acme.${id.toLowerCase()}`,
    `${id}`,
  ]
  for (const cookie of forged)
    assert.equal((await fetch(`${url}/api/me`, { headers: { Cookie: `gitwake=${cookie}` } })).status, 401, cookie)
  assert.equal(
    (await fetch(`${url}/api/me`, { headers: { Cookie: `__Host-gitwake=acme.${id}` } })).status,
    401,
    'a cookie of https is not that of http',
  )

  const keys = await redis.client.keys('*')
  const held = [...keys, ...(await Promise.all(keys.map(async (key) => redis.client.get(key))))].join('\n')
  // Three letters alone may be part of what is sealed by chance.
  for (const secret of [id, '"ada"', 'ada@', 'example.org', '"shop"', CLIENT.secret]) assert.ok(!held.includes(secret), secret)
  // Whoever can write to Redis still cannot make a session: the client's secret is missing.
  const [key = ''] = keys.filter((one) => one.includes('session'))
  const mine = 'B'.repeat(43)
  await redis.client.copy(key, receiverKeys.session(sessionDigest(mine)))
  assert.equal((await fetch(`${url}/api/me`, { headers: { Cookie: `gitwake=acme.${mine}` } })).status, 401)
})

test('a login makes a new session and ends the one before: nobody can be given one that another knows', async (t) => {
  const { url, enter } = await start(t)
  const visitor = createVisitor()
  const planted = `acme.${'C'.repeat(43)}`
  visitor.cookies(url).set('gitwake', planted)
  await enter('ada', visitor)
  const first = visitor.cookies(url).get('gitwake') ?? ''
  assert.notEqual(first, planted)
  await enter('ada', visitor)
  const second = visitor.cookies(url).get('gitwake') ?? ''
  assert.notEqual(first, second)
  const statusOf = async (cookie: string) => (await fetch(`${url}/api/me`, { headers: { Cookie: `gitwake=${cookie}` } })).status
  assert.deepEqual([await statusOf(planted), await statusOf(first), await statusOf(second)], [401, 401, 200])
})

test('a code counts once, in the browser that began, for the login that it began, and for ten minutes', async (t) => {
  const { url, begin, pass, audited } = await start(t)
  const visitor = createVisitor()
  const callback = await untilCallback(visitor, begin, 'ada')
  const attempt = visitor.cookies(url).get('gitwake-login') ?? ''
  const codeOf = async (from: Visitor, at: string) => {
    const answer = await from.visit(at, { headers: { Accept: 'application/json' } })
    return answer.status === 303 ? 'let in' : `${answer.status} ${JSON.parse(answer.text).error.code}`
  }
  assert.equal(await codeOf(createVisitor(), callback), '400 login-expired', 'another browser')
  const stateOf = (text: string): string => callback.replace(/state=[^&]+/, `state=${text}`)
  const other = createVisitor()
  await untilCallback(other, begin, 'ada')
  for (const at of [stateOf(''), stateOf('x'), callback.replace(/&?state=[^&]+/, ''), `${callback}&state=twice`])
    assert.equal(await codeOf(visitor, at), '400 login-expired', at)
  assert.equal(await codeOf(other, callback), '400 login-expired', 'the state of another login')
  assert.equal(
    await codeOf(visitor, callback.replace(/iss=[^&]+/, 'iss=https%3A%2F%2Fevil.example')),
    '502 login-not-accepted',
    'another issuer',
  )
  assert.equal(await codeOf(visitor, callback), 'let in')
  visitor.cookies(url).set('gitwake-login', attempt)
  assert.equal(await codeOf(visitor, callback), '400 login-expired', 'the same code again')

  const slow = createVisitor()
  const late = await untilCallback(slow, begin, 'ada')
  pass(10 * 60_000)
  assert.equal(await codeOf(slow, late), '400 login-expired')
  assert.equal(audited.filter(({ action }) => action === 'logged in').length, 1)
})

test('a cookie of a login that was altered leads nowhere', async (t) => {
  const { url, begin } = await start(t)
  const visitor = createVisitor()
  const callback = await untilCallback(visitor, begin, 'ada')
  const attempt = JSON.parse(Buffer.from(visitor.cookies(url).get('gitwake-login') ?? '', 'base64url').toString())
  for (const change of [
    { returnTo: '/api/audit' },
    { begunAt: attempt.begunAt + 1 },
    { login: 'other' },
    { secret: 'x'.repeat(43) },
    { secret: 7 },
  ]) {
    visitor.cookies(url).set('gitwake-login', Buffer.from(JSON.stringify({ ...attempt, ...change })).toString('base64url'))
    assert.equal((await visitor.visit(callback)).status, 400, JSON.stringify(change))
  }
})

test('nobody is led to another host', async (t) => {
  const { url, enter } = await start(t)
  for (const path of [
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '/.//evil.example',
    '/\t/evil.example',
    'javascript:alert(1)',
  ]) {
    const { page } = await enter('ada', createVisitor(), path)
    assert.equal(page.url, `${url}/`, path)
  }
})

test('what the provider says against it is told by its code alone, and is no session', async (t) => {
  const { begin, url, audited } = await start(t)
  const visitor = createVisitor()
  const page = await visitor.follow(begin, 'nobody')
  assert.equal(page.status, 403)
  assert.match(page.text, /Acme SSO did not let you in \(access_denied\)\./)
  assert.doesNotMatch(page.text, /alert/)
  const state = new URL(page.url).searchParams.get('state') ?? ''
  const crafted = await visitor.visit(`${url}/login/acme/callback?error=${encodeURIComponent('<b>call 0900</b>')}&state=${state}&iss=x`)
  assert.doesNotMatch(crafted.text, /0900/)
  assert.deepEqual([...new Set(audited.map(({ action, actor }) => `${action} ${actor}`))], ['login refused somebody'])
})

test('a provider that is away is told as such, and who is in stays in', async (t) => {
  const { url, enter, begin, stopProvider, pass, issuer, configure } = await start(t)
  const { visitor } = await enter('ada')
  const other = createVisitor()
  const callback = await untilCallback(other, begin, 'ada')
  await stopProvider()
  const late = await other.visit(callback)
  assert.deepEqual([late.status, late.headers.get('retry-after')], [503, '5'])
  assert.match(late.text, /Acme SSO cannot be reached at the moment\./)
  pass(11 * 60_000)
  const page = await createVisitor().visit(begin)
  assert.equal(page.status, 503)
  assert.match(page.text, /Acme SSO cannot be reached at the moment\./)
  assert.ok(!page.text.includes(new URL(issuer).host))
  assert.equal((await visitor.visit(`${url}/api/me`)).status, 200)
  configure(loginAt(issuer, url, { idleMs: 3_600_000 }))
  const out = await visitor.visit(`${url}/logout`, { method: 'POST', headers: LOCAL })
  assert.match(out.text, /You are logged out of gitwake/)
  assert.equal((await visitor.visit(`${url}/api/me`)).status, 401)
})

test('while Redis is away, sessions are 503 and nobody is logged in or out by halves', async (t) => {
  const { url, enter, begin, redis } = await start(t)
  const { visitor } = await enter('ada')
  const other = createVisitor()
  const callback = await untilCallback(other, begin, 'ada')
  await redis.kill()
  for (const [path, init] of [
    ['/', {}],
    ['/api/me', {}],
    ['/api/applications/shop-prod/sync', { method: 'POST', headers: LOCAL }],
    ['/logout', { method: 'POST', headers: LOCAL }],
  ] as const) {
    const answer = await visitor.visit(url + path, init)
    assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '5'], path)
  }
  assert.equal((await other.visit(callback)).status, 503)
  assert.equal(other.cookies(url).has('gitwake'), false)
  assert.equal(
    (await fetch(`${url}/api/applications`, { headers: { Authorization: `Bearer ${TOKEN}` } })).status,
    200,
    'tokens need no Redis',
  )
  await redis.restart()
  await until(async () => (await visitor.visit(`${url}/api/me`)).status === 200)
})

test('thousands of logins that nobody completes leave nothing behind', async (t) => {
  const { begin, redis, url } = await start(t)
  for (let round = 0; round < 20; round += 1) {
    const answers = await Promise.all(Array.from({ length: 100 }, () => fetch(begin, { redirect: 'manual' })))
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [303])
  }
  assert.deepEqual(await redis.client.keys('*'), [])
  const answers = await Promise.all(
    Array.from({ length: 300 }, () => fetch(`${url}/login/acme/callback?code=x&state=y`, { headers: { Cookie: 'gitwake-login=e30' } })),
  )
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [400])
  assert.deepEqual(await redis.client.keys('*'), [])
})

test('replicas share logins and sessions', async (t) => {
  const { url, begin, replica, enter } = await start(t)
  const second = await replica()
  const { visitor } = await enter('ada')
  const cookie = `gitwake=${visitor.cookies(url).get('gitwake')}`
  assert.equal((await fetch(`${second}/api/me`, { headers: { Cookie: cookie } })).status, 200)

  const other = createVisitor()
  const callback = await untilCallback(other, begin, 'ada')
  const attempt = `gitwake-login=${other.cookies(url).get('gitwake-login')}`
  const done = await fetch(callback.replace(url, second), { headers: { Cookie: attempt }, redirect: 'manual' })
  assert.equal(done.status, 303)
  await fetch(`${second}/logout`, { method: 'POST', headers: { Cookie: cookie, ...LOCAL } })
  assert.equal((await fetch(`${url}/api/me`, { headers: { Cookie: cookie } })).status, 401)
})

test('a login that somebody else began is not completed by a cookie that a host beside ours has planted', async (t) => {
  const { url, issuer, configure } = await start(t)
  configure(loginAt(issuer, url.replace('http:', 'https:')))
  const attacker = await fetch(`${url}/login/acme/start?moved=1`, { redirect: 'manual' })
  const [, attempt = ''] = /^__Host-gitwake-login=([^;]+)/.exec(attacker.headers.getSetCookie()[0] ?? '') ?? []
  const state = new URL(attacker.headers.get('location') ?? '').searchParams.get('state') ?? ''
  const finish = async (name: string) => {
    const headers = { Cookie: `${name}=${attempt}`, Accept: 'application/json' }
    const answer = await fetch(`${url}/login/acme/callback?code=of-the-attacker&state=${state}`, { headers })
    return JSON.parse(await answer.text()).error.code
  }
  // The browser accepts the name with the prefix from this host alone: that one is as far as the provider, which does not know this code.
  assert.equal(await finish('gitwake-login'), 'login-expired')
  assert.equal(await finish('__Host-gitwake-login'), 'login-not-accepted')
})

test('the cookies are out of reach of scripts, other sites and plain http', async (t) => {
  const { url, issuer, begin, configure } = await start(t)
  const setBy = async (at: string) => (await fetch(at, { redirect: 'manual' })).headers.getSetCookie()
  const [plain = ''] = await setBy(begin)
  assert.match(plain, /^gitwake-login=[\w-]+; Max-Age=600; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/)
  configure(loginAt(issuer, url.replace('http:', 'https:')))
  const [secure = ''] = await setBy(`${begin}?moved=1`)
  assert.match(secure, /^__Host-gitwake-login=[\w-]+; Max-Age=600; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$/)
})

test('who comes by another name of this server is sent to the one that the provider knows, once', async (t) => {
  const { url, begin } = await start(t)
  const elsewhere = begin.replace('127.0.0.1', 'localhost')
  const moved = await fetch(`${elsewhere}?return=/queues/`, { redirect: 'manual' })
  assert.equal(moved.headers.get('location'), `${url}/login/acme/start?moved=1&return=%2Fqueues%2F`)
  const again = await fetch(`${elsewhere}?moved=1`, { redirect: 'manual' })
  assert.match(again.headers.get('location') ?? '', /\/auth\?/, 'a proxy that changes the Host header makes no circle')
})

test('tokens go on working beside logins; a browser is asked for one only where it wants to', async (t) => {
  const { url, audited, pass } = await start(t)
  const basic = { Authorization: `Basic ${Buffer.from(`x:${TOKEN}`).toString('base64')}`, Accept: 'text/html' }
  const statusOf = async (path: string, headers: Record<string, string> = {}) => {
    const { status, headers: got } = await fetch(url + path, { headers, redirect: 'manual' })
    return [status, /Basic/.test(got.get('www-authenticate') ?? '') ? 'asks' : (got.get('location') ?? '')]
  }
  assert.deepEqual(await statusOf('/api/applications', { Authorization: `Bearer ${TOKEN}` }), [200, ''])
  assert.deepEqual(await statusOf('/', basic), [200, ''])
  assert.deepEqual(await statusOf('/', { Accept: 'text/html', 'Sec-Fetch-Dest': 'empty' }), [401, ''], 'a script of a page')
  assert.deepEqual(await statusOf('/api/applications'), [401, ''])
  assert.deepEqual(await statusOf('/token?return=/queues/'), [401, 'asks'])
  assert.deepEqual(await statusOf('/token?return=/applications/shop-prod', basic), [303, '/applications/shop-prod'])
  assert.deepEqual(await statusOf('/token?return=//evil.example', basic), [303, '/'])
  assert.deepEqual(await statusOf('/', { Authorization: 'Basic eDp3cm9uZw==' }), [401, 'asks'])
  const told = () => audited.map(({ action, actor, detail }) => `${action} ${actor} ${detail['with']}`)
  assert.deepEqual(told(), ['logged in the API a token, in a browser', 'login refused somebody a token'])
  pass(13 * 3_600_000)
  await statusOf('/', basic)
  assert.equal(told().length, 3)
})

test('what strangers try is in the audit log a few times, then once a minute', async (t) => {
  const { url, audited, pass } = await start(t)
  const tries = async (): Promise<void> => {
    for (let attempt = 0; attempt < 40; attempt += 1) await fetch(`${url}/login/acme/callback?state=x`)
  }
  await tries()
  assert.equal(audited.length, 30)
  pass(60_000)
  await tries()
  assert.equal(audited.length, 31)
})

test('a provider gets the secret in the way that it wants, and a wrong one is told', async (t) => {
  const post = await start(t, {}, { client: { token_endpoint_auth_method: 'client_secret_post' } })
  post.configure(loginAt(post.issuer, post.url, { clientAuthentication: 'post' }))
  assert.equal((await post.enter('ada')).page.status, 200)
  const open = await start(t, {}, { client: { token_endpoint_auth_method: 'none' } })
  const { clientSecretFrom: _none, ...publicClient } = loginAt(open.issuer, open.url)
  open.configure(publicClient)
  assert.equal((await open.enter('ada')).page.status, 200)
  const wrong = await start(t, {}, { client: { client_secret: 'another-secret-than-the-one-of-gitwake' } })
  const { page } = await wrong.enter('ada')
  assert.equal(page.status, 502)
  assert.match(page.text, /Acme SSO does not accept the client id or the secret of gitwake\./)
  assert.ok(!JSON.stringify(wrong.logged).includes(CLIENT.secret))
})
