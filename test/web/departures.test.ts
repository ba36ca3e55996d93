import assert from 'node:assert/strict'
import { test } from 'node:test'
import request from 'supertest'
import type { Orphan } from '../../src/model/departure.ts'
import { sampleResult, sampleStatus } from './samples.ts'
import { BEARER, startWeb } from './start.ts'
import { until } from './until.ts'

const ORPHAN: Orphan = { application: 'old-shop', cluster: 'prod', objects: 3, deletionPolicy: 'orphan', since: 1_700_000_000_000 }

test('orphans are listed, and each can be detached or deleted by name', async (t) => {
  const { url, ledger } = await startWeb(t)
  ledger.setOrphans([ORPHAN])
  const { body } = await request(url).get('/api/orphans').set(BEARER).expect(200)
  assert.deepEqual(body, { orphans: [ORPHAN] })
  await request(url).post('/api/applications/old-shop/detach').set(BEARER).expect(202)
  await request(url).post('/api/applications/old-shop/delete?confirm=abc123').set(BEARER).expect(202)
  const target = { application: 'old-shop', cluster: 'prod', repository: '' }
  assert.deepEqual(ledger.departed, [
    { target, departure: 'detach' },
    { target, departure: 'delete' },
  ])
  assert.deepEqual(ledger.confirmed, [{ application: 'old-shop', digest: 'abc123', actor: 'the API' }])
})

test('an application that is configured does not leave, unless it is suspended and only detached', async (t) => {
  const { url, ledger } = await startWeb(t)
  for (const departure of ['detach', 'delete']) {
    const { body } = await request(url).post(`/api/applications/shop-prod/${departure}`).set(BEARER).expect(409)
    assert.equal(body.error.code, 'still-configured')
    assert.match(body.error.fix, /Remove it from the configuration/)
  }
  ledger.setStatuses([sampleStatus({ suspended: { by: 'ada' } })])
  await request(url).post('/api/applications/shop-prod/detach').set(BEARER).expect(202)
  await request(url).post('/api/applications/shop-prod/delete').set(BEARER).expect(409)
  assert.deepEqual(
    ledger.departed.map(({ departure }) => departure),
    ['detach'],
  )
})

test('what has left objects in several clusters is named by its cluster; what nobody knows is not found', async (t) => {
  const { url, ledger } = await startWeb(t)
  ledger.setOrphans([ORPHAN, { ...ORPHAN, cluster: 'staging' }])
  const { body } = await request(url).post('/api/applications/old-shop/detach').set(BEARER).expect(409)
  assert.match(body.error.message, /prod, staging/)
  await request(url).post('/api/applications/old-shop/detach?cluster=staging').set(BEARER).expect(202)
  assert.equal(ledger.departed[0]?.target.cluster, 'staging')
  await request(url).post('/api/applications/old-shop/detach?cluster=elsewhere').set(BEARER).expect(404)
  await request(url).post('/api/applications/unknown/delete').set(BEARER).expect(404)
  await request(url).post('/api/applications/old-shop/delete').expect(401)
})

test('a wait for an orphan that is over names the address of its own ticket, and that goes on waiting', async (t) => {
  const { url, ledger } = await startWeb(t)
  ledger.setOrphans([ORPHAN])
  const late = await request(url).post('/api/applications/old-shop/delete?wait=20ms').set(BEARER).expect(504)
  const path = `/api/orphans/prod/old-shop/tickets/${late.body.ticket.wanted}`
  assert.ok(late.body.error.fix.includes(`GET ${path}?wait=60s`), late.body.error.fix)
  const again = await request(url).get(`${path}?wait=20ms`).set(BEARER).expect(504)
  assert.ok(again.body.error.fix.includes(`GET ${path}?wait=60s`), again.body.error.fix)
})

test('a deletion that is held names its own way to be confirmed, to whoever waits', async (t) => {
  const { url, ledger } = await startWeb(t)
  ledger.setOrphans([ORPHAN])
  const problem = { code: 'held', message: 'm', fix: 'Confirm exactly this plan: gitwake delete old-shop --confirm abc.', retryable: false }
  const answer = request(url).post('/api/applications/old-shop/delete?wait=60s').set(BEARER)
  const waited = answer.then((value) => value)
  await until(() => ledger.waiting() === 1)
  ledger.finish(sampleResult({ application: 'old-shop', outcome: 'held', plan: 'abc', problem, seen: 1 }))
  const { status, body } = await waited
  assert.deepEqual([status, body.error.fix], [409, problem.fix])
})

test('a confirmation of what an orphan does not hold any more is refused at once', async (t) => {
  const { url, ledger } = await startWeb(t)
  ledger.setOrphans([ORPHAN])
  ledger.finish(sampleResult({ application: 'old-shop', outcome: 'held', plan: 'new' }))
  const { body } = await request(url).post('/api/applications/old-shop/delete?confirm=old').set(BEARER).expect(409)
  assert.equal(body.error.code, 'stale-plan')
  assert.match(body.error.fix, /POST \/api\/applications\/old-shop\/delete\?confirm=new\./)
  assert.equal(ledger.departed.length, 0)
  await request(url).post('/api/applications/old-shop/delete?confirm=new').set(BEARER).expect(202)
})
