import assert from 'node:assert/strict'
import { test } from 'node:test'
import request from 'supertest'
import { sampleConfiguration, sampleResult, sampleStatus } from './samples.ts'
import { BEARER, startWeb } from './start.ts'
import { until } from './until.ts'

const path = '/api/applications/shop-prod'

test('a suspension is written down with who and why, then asked for as a sync that keeps it', async (t) => {
  const { url, ledger, logged } = await startWeb(t)
  const { body } = await request(url).post(`${path}/suspend?by=ada&reason=a%20move`).set(BEARER).expect(202)
  assert.equal(body.ticket.wanted, 1)
  assert.deepEqual(
    ledger.said.map(({ application, standing }) => [application, { ...standing.suspension, at: 0 }]),
    [['shop-prod', { active: true, by: 'ada', reason: 'a move', at: 0 }]],
  )
  assert.deepEqual(
    ledger.triggers.map(({ trigger }) => [trigger.reason, trigger.actor]),
    [['manual', 'ada']],
  )
  assert.ok(logged.some((line) => /^suspended .*"by":"ada","reason":"a move"/.test(line)))
})

test('a resume is waited for like a sync', async (t) => {
  const { url, ledger } = await startWeb(t)
  const answer = request(url)
    .post(`${path}/resume?wait=60s`)
    .set(BEARER)
    .then((value) => value)
  await until(() => ledger.waiting() === 1)
  ledger.finish(sampleResult({ seen: 1 }))
  assert.equal((await answer).status, 200)
  assert.deepEqual(
    ledger.said.map(({ standing }) => standing.suspension?.active),
    [false],
  )
})

test('no call sets going what the configuration stops, and no text may steer a terminal', async (t) => {
  const [application] = sampleConfiguration().applications.values()
  assert.ok(application)
  const stopped = { ...sampleConfiguration(), applications: new Map([[application.name, { ...application, suspend: {} }]]) }
  const { url, ledger } = await startWeb(t, { configuration: () => stopped })
  const { body } = await request(url).post(`${path}/resume`).set(BEARER).expect(409)
  assert.equal(body.error.code, 'suspended-by-configuration')
  for (const query of ['by=a%1b%5b2J', 'by=a%E2%80%AEadmin', 'reason=a%E2%80%A8b', `reason=${'x'.repeat(501)}`, 'by=a&by=b'])
    assert.equal((await request(url).post(`${path}/suspend?${query}`).set(BEARER)).status, 400, query)
  assert.equal(ledger.said.length + ledger.triggers.length, 0)
})

test('a rollback quarantines what is applied and seen, and says how to make it a git revert', async (t) => {
  const { url, ledger } = await startWeb(t)
  const [good, bad] = ['1'.repeat(40), '2'.repeat(40)]
  ledger.setStatuses([sampleStatus({ head: { revision: bad, seenAt: 1 }, applied: { revision: bad, at: 1 } })])
  ledger.finish(sampleResult({ revision: good }))
  const { body } = await request(url).post(`${path}/rollback?to=1111111&by=ada&reason=it%20fails`).set(BEARER).expect(202)
  const [said] = ledger.said
  assert.deepEqual(
    { ...said?.standing.pin, at: 0 },
    {
      active: true,
      by: 'ada',
      reason: 'it fails',
      at: 0,
      revision: good,
      bad: [bad],
      settled: false,
    },
  )
  assert.equal(body.commands[1], 'git revert --no-edit 111111111111..222222222222')
  for (const to of ['', 'main', '3333333', '2'.repeat(39)])
    assert.equal((await request(url).post(`${path}/rollback?to=${to}`).set(BEARER)).status, 400, to)
  await request(url).post(`${path}/rollback?to=${bad}`).set(BEARER).expect(409)
  assert.equal(ledger.said.length, 1)

  ledger.setStatuses([sampleStatus({ pinned: { revision: good, bad, by: 'ada', reason: 'it fails', at: 0 } })])
  const page = await request(url).get('/applications/shop-prod').set(BEARER).set('Accept', 'text/html').expect(200)
  assert.match(page.text, /Pinned to 111111111111 by ada since 1970-01-01T00:00:00Z: it fails \(bad: 222222222222\)/)
  assert.match((await request(url).get('/metrics').set(BEARER)).text, /gitwake_pinned\{application="shop-prod",cluster="prod"\} 1/)
  await request(url).post(`${path}/unpin?by=bob`).set(BEARER).expect(202)
  assert.equal(ledger.said[1]?.standing.pin?.active, false)
})

test('who waits for a sync of a suspended application is told, and the page says how to go on', async (t) => {
  const { url, ledger } = await startWeb(t)
  ledger.setStatuses([sampleStatus({ sync: 'suspended', suspended: { by: 'ada', reason: 'a move', at: 0 } })])
  const answer = request(url)
    .post(`${path}/sync?wait=60s`)
    .set(BEARER)
    .then((value) => value)
  await until(() => ledger.waiting() === 1)
  ledger.finish(sampleResult({ seen: 1, outcome: 'suspended', message: 'suspended by ada' }))
  const { status, body } = await answer
  assert.deepEqual([status, body.error.code], [409, 'suspended'])
  const page = await request(url).get('/applications/shop-prod').set(BEARER).set('Accept', 'text/html').expect(200)
  assert.match(page.text, /Suspended by ada since 1970-01-01T00:00:00Z: a move/)
  assert.match(page.text, /gitwake resume shop-prod/)
  const metrics = await request(url).get('/metrics').set(BEARER).expect(200)
  assert.match(metrics.text, /gitwake_suspended\{application="shop-prod",cluster="prod"\} 1/)
})
