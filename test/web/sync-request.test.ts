import assert from 'node:assert/strict'
import { get as httpGet } from 'node:http'
import { test, type TestContext } from 'node:test'
import request from 'supertest'
import type { SyncResult } from '../../src/model/result.ts'
import type { MemoryLedger } from './memory-ledger.ts'
import { FIRST, sampleChange, samplePlan, sampleResult, sampleStatus, SECOND } from './samples.ts'
import { BEARER, startWeb } from './start.ts'
import { until } from './until.ts'

const SYNC = '/api/applications/shop-prod/sync'

/** Asks for a sync, finishes it once the request waits, and returns the answer. */
async function syncThatEnds(t: TestContext, fields: Partial<SyncResult>, query = '') {
  const { url, ledger } = await startWeb(t)
  const answer = request(url)
    .post(`${SYNC}?wait=60s${query}`)
    .set(BEARER)
    .then((value) => value)
  await finishOnceWaiting(ledger, fields)
  return answer
}

async function finishOnceWaiting(ledger: MemoryLedger, fields: Partial<SyncResult>): Promise<void> {
  await until(() => ledger.waiting() === 1)
  ledger.finish(sampleResult({ seen: 1, ...fields }))
}

test('a sync by hand is accepted with its ticket', async (t) => {
  const { url, ledger } = await startWeb(t)
  const { body } = await request(url).post(SYNC).set(BEARER).expect(202)
  assert.deepEqual(body, { ticket: { application: 'shop-prod', cluster: 'prod', wanted: 1 } })
  assert.deepEqual(
    ledger.triggers.map(({ target, trigger }) => [target, trigger.reason]),
    [[{ application: 'shop-prod', cluster: 'prod', repository: 'shop' }, 'manual']],
  )
})

test('an application that is not configured is not asked for', async (t) => {
  const { url, ledger } = await startWeb(t)
  for (const name of ['unknown', '__proto__', '%2e%2e', 'SHOP-PROD']) {
    assert.equal((await request(url).post(`/api/applications/${name}/sync`).set(BEARER)).status, 404, name)
  }
  assert.equal(ledger.triggers.length, 0)
})

for (const outcome of ['synced', 'not affected', 'drifted'] as const) {
  test(`a wait is answered 200 with the result when the sync ends as ${outcome}`, async (t) => {
    const { status, body } = await syncThatEnds(t, { outcome })
    assert.equal(status, 200)
    assert.equal(body.outcome, outcome)
    assert.equal(body.ticket.wanted, 1)
    assert.equal(body.error, undefined)
  })
}

test('a commit at fault is answered 422 with every reason', async (t) => {
  const { status, body } = await syncThatEnds(t, {
    outcome: 'failed',
    problem: { code: 'field-unknown', message: 'One object was refused.', fix: 'Correct it.', retryable: false },
    changes: [sampleChange({ action: 'failed', reason: 'spec.replcias is unknown', fix: 'Did you mean replicas?' }), sampleChange({})],
  })
  assert.equal(status, 422)
  assert.deepEqual(body.error, {
    code: 'field-unknown',
    message: 'One object was refused.',
    fix: 'Correct it.',
    reasons: ['Deployment/shop/api: spec.replcias is unknown Did you mean replicas? (overlays/prod/api.yaml)'],
  })
  assert.equal(body.outcome, 'failed')
})

test('a commit that was applied but never became healthy is answered 422', async (t) => {
  const object = { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'api' }
  const { status, body } = await syncThatEnds(t, {
    health: { status: 'failed', objects: [{ object, status: 'failed', message: 'no progress' }] },
  })
  assert.equal(status, 422)
  assert.deepEqual(body.error.reasons, ['Deployment/shop/api: no progress'])
})

test('a held plan is answered 409 with the way to confirm it, and the confirmation reaches the queue first', async (t) => {
  const { status, body } = await syncThatEnds(t, { outcome: 'held', message: 'would delete 9 of 9', plan: 'sha256:abc' })
  assert.equal(status, 409)
  assert.match(body.error.fix, /confirm=sha256:abc/)

  const { url, ledger } = await startWeb(t)
  await request(url).post(`${SYNC}?confirm=sha256:abc`).set(BEARER).expect(202)
  assert.deepEqual(ledger.confirmed, [{ application: 'shop-prod', digest: 'sha256:abc', actor: 'the API' }])
  for (const digest of ['', 'a b', '%0d%0a', 'x'.repeat(201)]) {
    assert.equal((await request(url).post(`${SYNC}?confirm=${digest}`).set(BEARER)).status, 400, digest)
  }
})

test('a confirmation of what is not held any more is refused at once, with what is', async (t) => {
  const planned = { held: { digest: 'planned', reason: '', fix: '' } }
  const { url, ledger } = await startWeb(t, { planner: { ask: async () => 0, find: async () => ({ ...samplePlan(), ...planned }) } })
  const lastResult = sampleResult({ outcome: 'held', plan: 'new' })
  ledger.setStatuses([sampleStatus({ lastResult, wanted: 3, done: 3 })])
  const { body } = await request(url).post(`${SYNC}?confirm=old`).set(BEARER).expect(409)
  assert.equal(body.error.code, 'stale-plan')
  assert.match(body.error.fix, /POST \/api\/applications\/shop-prod\/sync\?confirm=new\./)
  assert.deepEqual([ledger.confirmed, ledger.triggers], [[], []])

  await request(url).post(`${SYNC}?confirm=new`).set(BEARER).expect(202)
  await request(url).post(`${SYNC}?confirm=planned`).set(BEARER).expect(202)
  ledger.setStatuses([sampleStatus({ lastResult, wanted: 4, done: 3 })])
  await request(url).post(`${SYNC}?confirm=old`).set(BEARER).expect(202)
  assert.equal(ledger.confirmed.length, 3, 'a newer plan, and whatever a newer ticket may hold, is the worker’s to judge')
})

test('a wait that is over is answered 504 with the ticket, by which one can go on waiting', async (t) => {
  const { url, ledger } = await startWeb(t)
  const late = await request(url).post(`${SYNC}?wait=20ms`).set(BEARER)
  assert.equal(late.status, 504)
  assert.equal(late.body.error.code, 'not-in-time')
  const path = `/api/applications/shop-prod/tickets/${late.body.ticket.wanted}`
  assert.ok(late.body.error.fix.includes(path))
  const answer = request(url)
    .get(`${path}?wait=1m`)
    .set(BEARER)
    .then((value) => value)
  await finishOnceWaiting(ledger, {})
  assert.equal((await answer).body.outcome, 'synced')
  assert.equal((await request(url).get(path).set(BEARER)).status, 200, 'a ticket that is done needs no waiting')
})

test('a wait that is over tells why the last try failed', async (t) => {
  const { url, ledger } = await startWeb(t)
  const answer = request(url)
    .post(`${SYNC}?wait=300ms`)
    .set(BEARER)
    .then((value) => value)
  await finishOnceWaiting(ledger, {
    outcome: 'failed',
    problem: { code: 'git-unreachable', message: 'git.example.org does not answer.', fix: 'Check the host.', retryable: true },
  })
  const { status, body } = await answer
  assert.equal(status, 504)
  assert.equal(body.error.message, 'shop-prod was not done within 300ms.')
  assert.deepEqual(body.error.reasons, ['It is tried again, the last try failed: git.example.org does not answer.'])
  assert.match(body.error.fix, /^Go on waiting: GET .* Check the host\.$/)
})

test('superseded runs and failures that are tried again keep a wait waiting', async (t) => {
  const { url, ledger } = await startWeb(t)
  const answer = request(url)
    .post(`${SYNC}?wait=60s`)
    .set(BEARER)
    .then((value) => value)
  await finishOnceWaiting(ledger, { outcome: 'superseded' })
  ledger.finish(sampleResult({ seen: 1, outcome: 'failed', problem: { code: 'git-unreachable', message: 'x', fix: 'y', retryable: true } }))
  ledger.finish(sampleResult({ seen: 2, outcome: 'synced' }))
  assert.equal((await answer).body.seen, 2)
})

test('a wait that is no duration is refused before anything is asked for', async (t) => {
  const { url, ledger } = await startWeb(t)
  for (const wait of ['', 'soon', '-1s', '1e3', '60', 'NaN']) {
    const answer = await request(url).post(`${SYNC}?wait=${wait}`).set(BEARER)
    assert.equal(answer.status, 400, wait)
    assert.equal(answer.body.error.code, 'bad-wait')
  }
  assert.equal(ledger.triggers.length, 0)
})

test('a client that leaves ends its wait', async (t) => {
  const { url, ledger } = await startWeb(t)
  const client = httpGet(`${url}/api/applications/shop-prod/tickets/7?wait=10m`, { headers: BEARER })
  client.on('error', () => {})
  await until(() => ledger.waiting() === 1)
  client.destroy()
  await until(() => ledger.waiting() === 0)
})

test('a wait for a commit ends with its result, not with that of the head before it', async (t) => {
  const { url, ledger } = await startWeb(t)
  const answer = request(url)
    .post(`${SYNC}?wait=60s&revision=${SECOND}`)
    .set(BEARER)
    .then((value) => value)
  await until(() => ledger.waiting() === 1)
  assert.deepEqual(
    ledger.triggers.map(({ trigger }) => trigger.revision),
    [SECOND],
  )
  ledger.finish(sampleResult({ seen: 1, revision: FIRST }))
  await until(() => ledger.waiting() === 1)
  ledger.finish(sampleResult({ seen: 2, revision: SECOND }))
  assert.deepEqual([(await answer).status, (await answer).body.revision], [200, SECOND])

  const late = await request(url)
    .post(`${SYNC}?wait=20ms&revision=${'c'.repeat(40)}`)
    .set(BEARER)
  assert.equal(late.status, 504)
  assert.match(late.body.error.reasons[0], /No sync of c{12}, or of a later head, has ended/)
  assert.match(late.body.error.fix, new RegExp(`tickets/2\\?wait=60s&revision=c{40}\\.$`))
  for (const revision of ['HEAD', 'abc1234', `${'A'.repeat(40)}`, '--upload-pack=x'])
    assert.equal((await request(url).post(`${SYNC}?revision=${revision}`).set(BEARER)).body.error.code, 'bad-revision', revision)
  assert.equal(ledger.triggers.length, 2)
})

test('a parameter that is misspelt is refused: a wait for no commit in particular would end with another', async (t) => {
  const { url, ledger } = await startWeb(t)
  const { status, body } = await request(url).post(`${SYNC}?wait=60s&revison=${FIRST}`).set(BEARER)
  assert.deepEqual([status, body.error.code], [400, 'bad-parameter'])
  assert.equal(body.error.message, 'There is no parameter revison here; did you mean "revision"?')
  assert.equal((await request(url).get('/api/applications/shop-prod/tickets/1?confirm=x').set(BEARER)).body.error.code, 'bad-parameter')
  assert.deepEqual(ledger.triggers, [])
})

test('a wait for a commit is answered 409 while a rollback holds, and one for no commit 200', async (t) => {
  const named = await syncThatEnds(t, { revision: FIRST, head: SECOND }, `&revision=${SECOND}`)
  assert.deepEqual([named.status, named.body.error.code], [409, 'pinned'])
  assert.equal((await syncThatEnds(t, { revision: FIRST, head: SECOND })).status, 200)
})

test('a request that is repeated under its Idempotency-Key gets the same ticket; another request under it 422', async (t) => {
  const { url, ledger } = await startWeb(t)
  const ask = (key: string, query = '') => request(url).post(`${SYNC}${query}`).set(BEARER).set('Idempotency-Key', key)
  const first = await ask('key-number-one').expect(202)
  assert.deepEqual((await ask('key-number-one').expect(202)).body, first.body)
  assert.notEqual((await ask('key-number-two').expect(202)).body.ticket.wanted, first.body.ticket.wanted)
  assert.equal((await ask('key-number-one', `?revision=${FIRST}`).expect(422)).body.error.code, 'key-used')
  assert.equal(ledger.triggers.length, 2)
  for (const key of ['short', 'with a space', 'x'.repeat(256)]) assert.equal((await ask(key)).body.error.code, 'bad-key', key)
})
