import assert from 'node:assert/strict'
import { test } from 'node:test'
import request from 'supertest'
import { FIRST, sampleResult, sampleStatus } from './samples.ts'
import { BEARER, startWeb } from './start.ts'

test('applications, one application, its history and a delivery can be asked for', async (t) => {
  const { url, ledger } = await startWeb(t)
  for (const seen of [1, 2, 3]) ledger.finish(sampleResult({ seen }))
  ledger.addDelivery({
    provider: 'github',
    id: '72d3162e-cc78',
    receivedAt: 1,
    event: 'push',
    outcomes: [{ application: 'shop-prod', ticket: 1, state: 'synced', revision: FIRST }],
  })
  const get = (path: string) => request(url).get(path).set(BEARER).expect(200)

  const { body: list } = await get('/api/applications')
  assert.deepEqual(
    list.applications.map((status: { application: string }) => status.application),
    ['shop-prod'],
  )
  const { body: one } = await get('/api/applications/shop-prod')
  assert.equal(one.applied.revision, FIRST)
  const { body: history } = await get('/api/applications/shop-prod/history?limit=2')
  assert.deepEqual(
    history.results.map((result: { seen: number }) => result.seen),
    [3, 2],
  )
  const { body: delivery } = await get('/api/deliveries/72d3162e-cc78')
  assert.equal(delivery.outcomes[0].state, 'synced')
})

test('what does not exist gets one body, wherever it was looked for', async (t) => {
  const { url } = await startWeb(t)
  const paths = [
    '/api/applications/unknown',
    '/api/applications/unknown/history',
    '/api/applications/shop-prod/nothing',
    '/api/deliveries/unknown',
    '/api/deliveries/..%2F..%2Fetc%2Fpasswd',
    '/api/applications/..%2f..%2fetc%2fpasswd',
    '/api/applications/%00',
    '/api/applications/__proto__',
    '/api/applications/constructor',
    `/api/applications/${'a'.repeat(3_000)}`,
    '/api/applications/shop-prod/tickets/0',
    '/api/applications/shop-prod/tickets/1e3',
    '/assets/../../package.json',
    '/api',
  ]
  const bodies = new Set<string>()
  for (const [index, path] of paths.entries()) {
    const accept = index % 2 === 0 || path.startsWith('/assets') ? '*/*' : 'text/html'
    const answer = await request(url).get(path).set(BEARER).set('Accept', accept)
    assert.equal(answer.status, 404, path)
    bodies.add(answer.text)
  }
  assert.equal(bodies.size, 1)
  assert.match([...bodies][0] ?? '', /^\{"error":\{"code":"not-found","message":".+","fix":".+"\}\}$/)
})

test('a commit is asked for by its id or the first seven digits of it', async (t) => {
  const { url, ledger } = await startWeb(t)
  const get = (sha: string) => request(url).get(`/api/commits/${sha}`).set(BEARER)
  const twin = `${FIRST.slice(0, 10)}${'0'.repeat(30)}`
  ledger.addCommit({ revision: FIRST, repositories: ['shop'], applications: [] })
  assert.equal((await get(FIRST.slice(0, 7).toUpperCase()).expect(200)).body.revision, FIRST)
  ledger.addCommit({ revision: twin, repositories: ['shop'], applications: [] })
  const { body } = await get(FIRST.slice(0, 7)).expect(422)
  assert.deepEqual([body.error.code, body.error.reasons], ['ambiguous', [FIRST, twin]])
  await get(FIRST.slice(0, 11)).expect(200)
  await get('f'.repeat(40)).expect(404)
  for (const sha of ['HEAD', 'abc123', '%2e%2e', 'g'.repeat(40), 'a'.repeat(65)]) assert.equal((await get(sha)).status, 400, sha)
})

test('a limit is a number of results', async (t) => {
  const { url } = await startWeb(t)
  for (const limit of ['0', '-1', '1e9', 'all', '', '1.5', '99999999999999999999']) {
    const answer = await request(url).get(`/api/applications/shop-prod/history?limit=${limit}`).set(BEARER)
    assert.equal(answer.status, 400, limit)
    assert.equal(answer.body.error.code, 'bad-limit')
  }
  assert.equal((await request(url).get('/api/applications/shop-prod/history?limit=1&limit=2').set(BEARER)).status, 400)
})

test('an address that cannot be decoded or is endless is refused by name', async (t) => {
  const { url, logged } = await startWeb(t)
  const answer = await request(url).get('/api/applications/%ZZ').set(BEARER)
  assert.equal(answer.status, 400)
  assert.equal(answer.body.error.code, 'bad-request')
  assert.equal(
    (
      await request(url)
        .get(`/?q=${'x'.repeat(60_000)}`)
        .set(BEARER)
    ).status,
    431,
  )
  assert.deepEqual(logged, [])
})

test('without Redis every question is answered 503 with the time to wait, and afterwards as before', async (t) => {
  const { url, ledger } = await startWeb(t)
  ledger.cutRedis(true)
  for (const path of ['/api/applications', '/api/applications/shop-prod', '/api/deliveries/x', '/']) {
    const answer = await request(url).get(path).set(BEARER)
    assert.equal(answer.status, 503, path)
    assert.equal(answer.headers['retry-after'], '5')
    assert.match(answer.text, /redis-unavailable|Redis cannot be reached/)
  }
  assert.equal((await request(url).post('/api/applications/shop-prod/sync').set(BEARER)).status, 503)
  ledger.cutRedis(false)
  assert.equal((await request(url).get('/api/applications').set(BEARER)).status, 200)
})

test('an error of ours is logged whole and told without its details', async (t) => {
  const { url, ledger, logged } = await startWeb(t)
  const broken = {
    toJSON() {
      throw new Error('secret inside')
    },
  }
  ledger.setStatuses([{ ...sampleStatus(), ...broken }])
  const answer = await request(url).get('/api/applications').set(BEARER)
  assert.equal(answer.status, 500)
  assert.doesNotMatch(answer.text, /secret inside|at .*\.ts/)
  assert.equal(logged.length, 1)
})
