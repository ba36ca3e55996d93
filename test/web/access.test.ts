import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import request from 'supertest'
import { GitwakeError } from '../../src/model/error.ts'
import { BASIC, BEARER, TOKEN, startWeb } from './start.ts'

const CLOSED = ['/', '/applications/shop-prod', '/api/applications', '/api/events', '/api/deliveries/x', '/metrics', '/queues', '/nothing']

test('without a configured token everything but the health checks is closed, and says what to set', async (t) => {
  const { url } = await startWeb(t, { tokens: [] })
  for (const path of CLOSED) {
    const answer = await request(url).get(path).set(BEARER)
    assert.equal(answer.status, 503, path)
    assert.match(answer.text, /GITWAKE_API_TOKEN/)
  }
  assert.equal((await request(url).get('/healthz')).status, 200)
  assert.equal((await request(url).get('/readyz')).status, 200)
})

test('nobody gets in without a valid token', async (t) => {
  const { url, ledger } = await startWeb(t)
  const wrong = [
    '',
    'Bearer',
    'Bearer ',
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(0, -1)}`,
    TOKEN,
    `Token ${TOKEN}`,
    'Basic !!!',
    'Basic ',
  ]
  for (const path of CLOSED) {
    const answer = await request(url).get(path)
    assert.equal(answer.status, 401, path)
    assert.match(answer.headers['www-authenticate'] ?? '', /Basic realm="gitwake"/)
  }
  for (const authorization of wrong) {
    assert.equal(
      (await request(url).post('/api/applications/shop-prod/sync').set('Authorization', authorization)).status,
      401,
      authorization,
    )
  }
  assert.equal(ledger.triggers.length, 0)
})

test('each of the configured tokens opens, as Bearer and as the password of HTTP Basic', async (t) => {
  const { url } = await startWeb(t, { tokens: ['the-old-token', TOKEN] })
  const pair = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  for (const authorization of [`Bearer ${TOKEN}`, 'bearer the-old-token', pair(`:${TOKEN}`), pair('anna:the-old-token')]) {
    assert.equal((await request(url).get('/api/applications').set('Authorization', authorization)).status, 200, authorization)
  }
})

test('who guesses is slowed down, and who knows is let in again later', async (t) => {
  let time = 1_000_000
  const { url } = await startWeb(t, { now: () => time })
  const guess = () => request(url).get('/api/applications').set('Authorization', 'Bearer guess')
  for (let attempt = 0; attempt < 30; attempt += 1) assert.equal((await guess()).status, 401)
  const blocked = await guess()
  assert.equal(blocked.status, 429)
  assert.equal(blocked.headers['retry-after'], '2')
  assert.equal((await request(url).get('/api/applications').set(BEARER)).status, 429, 'a right guess must not show either')
  assert.equal((await request(url).get('/')).status, 401, 'who comes without a token, behind the same address, is asked for one')
  time += 2_000
  assert.equal((await request(url).get('/api/applications').set(BEARER)).status, 200)
})

test('who has a network of IPv6 has one place in line, however its addresses are written', async (t) => {
  const own = ['2001:db8::1', '2001:db8:0:0:1::', '2001:DB8:0:0::7']
  let asked = 0
  const { url } = await startWeb(t, { addressOf: () => own[(asked += 1) % own.length] ?? '' })
  const guess = () => request(url).get('/api/applications').set('Authorization', 'Bearer guess')
  for (let attempt = 0; attempt < 30; attempt += 1) assert.equal((await guess()).status, 401)
  assert.equal((await guess()).status, 429)
})

test('a request without credentials is no guess: a browser asks so first', async (t) => {
  const { url } = await startWeb(t)
  for (let attempt = 0; attempt < 50; attempt += 1) assert.equal((await request(url).get('/')).status, 401)
  assert.equal((await request(url).get('/').set(BASIC)).status, 200)
})

test('another site cannot make a browser change anything', async (t) => {
  const { url, ledger } = await startWeb(t)
  const sync = () => request(url).post('/api/applications/shop-prod/sync')
  const foreign = [
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
    { 'Sec-Fetch-Site': 'none' },
    { Origin: 'https://evil.example' },
    { Origin: 'null' },
  ]
  for (const headers of foreign) {
    const answer = await sync().set(BASIC).set(headers)
    assert.equal(answer.status, 403, JSON.stringify(headers))
    assert.equal(answer.body.error.code, 'cross-origin')
  }
  assert.equal(ledger.triggers.length, 0)
  assert.equal((await sync().set(BASIC).set('Sec-Fetch-Site', 'same-origin')).status, 202)
  assert.equal((await sync().set(BASIC).set('Origin', url)).status, 202)
  assert.equal((await sync().set(BASIC)).status, 202, 'curl names no site and is steered by nobody')
  assert.equal((await sync().set(BEARER).set('Origin', 'https://ci.example')).status, 202, 'a browser never adds Bearer by itself')
})

test('every answer carries the headers that keep browsers strict', async (t) => {
  const { url } = await startWeb(t)
  for (const path of ['/', '/api/applications', '/nothing', '/healthz', '/api/applications/%ZZ']) {
    const { headers } = await request(url).get(path).set(BEARER)
    assert.match(headers['content-security-policy'] ?? '', /^default-src 'none'; script-src 'self';.*frame-ancestors 'none'$/)
    assert.doesNotMatch(headers['content-security-policy'] ?? '', /unsafe/)
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['referrer-policy'], 'no-referrer')
    assert.equal(headers['cache-control'], 'no-store')
    assert.equal(headers['x-powered-by'], undefined)
  }
})

test('where nobody can tell now whose a token is, that is said: it is no guess and no fault', async (t) => {
  const away = new GitwakeError('issuer-away', 'The keys of the issuer cannot be had.', { fix: 'Try again.', retryable: true })
  const { url, logged } = await startWeb(t, {
    tokens: { isEmpty: () => false, principalOf: () => setImmediate().then(() => Promise.reject(away)) },
  })
  for (let attempt = 0; attempt < 40; attempt += 1) {
    const answer = await request(url).get('/api/applications').set(BEARER)
    assert.deepEqual([answer.status, answer.body.error.code, answer.headers['retry-after']], [503, 'issuer-away', '5'])
  }
  assert.equal(logged.filter((line) => line.startsWith('a request failed')).length, 0)
})
