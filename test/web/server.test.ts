import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import request from 'supertest'
import { createMetrics } from '../../src/web/metrics.ts'
import { sampleResult, sampleStatus } from './samples.ts'
import { BEARER, startWeb } from './start.ts'
import { until } from './until.ts'

/** Opens the events and collects what arrives. */
async function openEvents(url: string) {
  const controller = new AbortController()
  const response = await fetch(`${url}/api/events`, { headers: BEARER, signal: controller.signal })
  const seen = { text: '', ended: false }
  const read = async (): Promise<void> => {
    for await (const chunk of response.body ?? []) seen.text += Buffer.from(chunk).toString()
    seen.ended = true
  }
  read().catch(() => void (seen.ended = true))
  return { response, seen, leave: () => controller.abort() }
}

test('webhooks reach the receiver without a token and before anything else looks at them', async (t) => {
  const paths: string[] = []
  const { url } = await startWeb(t, {
    tokens: [],
    receiver: async (incoming, response) => {
      paths.push(incoming.url ?? '')
      response.writeHead(202).end('{}')
    },
  })
  for (const path of ['/hooks/github', '/hooks/gitlab/shop?x=1', '/hooks']) assert.equal((await request(url).post(path)).status, 202)
  assert.deepEqual(paths, ['/hooks/github', '/hooks/gitlab/shop?x=1', '/hooks'])
  assert.equal((await request(url).post('/hooksy')).status, 503)
})

test('a receiver that fails is answered 500 and logged, and the server goes on', async (t) => {
  const { url, logged } = await startWeb(t, { receiver: () => Promise.reject(new Error('boom')) })
  const answer = await request(url).post('/hooks/github')
  assert.equal(answer.status, 500)
  assert.doesNotMatch(answer.text, /boom/)
  assert.equal(logged.length, 1)
  assert.equal((await request(url).get('/healthz')).status, 200)
})

test('readiness tells each check, and a check that cannot be made is not ready', async (t) => {
  let redis = true
  const { url } = await startWeb(t, {
    readiness: async () => {
      if (!redis) throw new Error('connect ECONNREFUSED 10.0.0.7:6379')
      return [{ name: 'redis', ok: true, message: 'Redis answers.' }]
    },
  })
  assert.deepEqual((await request(url).get('/readyz').expect(200)).body, {
    ready: true,
    checks: [{ name: 'redis', ok: true, message: 'Redis answers.' }],
  })
  redis = false
  const away = await request(url).get('/readyz').expect(503)
  assert.equal(away.body.ready, false)
  assert.doesNotMatch(away.text, /10\.0\.0\.7/)
})

test('metrics count requests by pattern, and show age, drift and pending tickets per application', async (t) => {
  const now = Date.now()
  const metrics = createMetrics({
    statuses: async () => [sampleStatus({ unappliedSince: now - 5_000, wanted: 4, done: 1, drift: sampleResult().changes })],
    now: () => now,
  })
  const { url } = await startWeb(t, { metrics })
  await request(url).get('/api/applications/shop-prod').set(BEARER)
  await request(url).get('/made-up-by-somebody').set(BEARER)
  await request(url).post('/hooks/github')
  metrics.deliveryReceived('github', 'accepted')
  metrics.syncFinished(sampleResult())
  metrics.queueDepth('prod', 3)
  const { text, headers } = await request(url).get('/metrics').set(BEARER).expect(200)
  assert.match(headers['content-type'] ?? '', /^text\/plain/)
  for (const line of [
    'gitwake_http_requests_total{route="/api/applications/:name",method="GET",status="200"} 1',
    'gitwake_http_requests_total{route="other",method="GET",status="404"} 1',
    'gitwake_http_requests_total{route="/hooks",method="POST",status="202"} 1',
    'gitwake_deliveries_total{provider="github",outcome="accepted"} 1',
    'gitwake_syncs_total{application="shop-prod",cluster="prod",reason="push",outcome="synced"} 1',
    'gitwake_sync_stage_seconds_count{stage="apply"} 1',
    'gitwake_queue_waiting_jobs{cluster="prod"} 3',
    'gitwake_unapplied_seconds{application="shop-prod",cluster="prod"} 5',
    'gitwake_drifted_objects{application="shop-prod",cluster="prod"} 1',
    'gitwake_pending_tickets{application="shop-prod",cluster="prod"} 3',
    'gitwake_ledger_up 1',
  ]) {
    assert.ok(text.includes(`${line}\n`), line)
  }
  assert.doesNotMatch(text, /made-up-by-somebody/)
})

test('a scrape without Redis still answers what the process knows', async (t) => {
  const { url, ledger } = await startWeb(t)
  ledger.cutRedis(true)
  const { text } = await request(url).get('/metrics').set(BEARER).expect(200)
  assert.match(text, /gitwake_ledger_up 0/)
  assert.match(text, /process_resident_memory_bytes/)
})

test('whoever listens to events is told when a status changes, and only then', async (t) => {
  const { url, ledger } = await startWeb(t)
  const { response, seen, leave } = await openEvents(url)
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  await until(() => seen.text.includes('event: ready'))
  // The first look is what later ones are compared with, so the change is repeated until it is told.
  let count = 0
  await until(() => {
    ledger.setStatuses([sampleStatus({ wanted: (count += 1) })])
    return seen.text.includes('event: change')
  })
  leave()
})

test('a stream of events ends in time, so that whoever has lost their right is not told any more', async (t) => {
  const { url } = await startWeb(t, { eventsLifetimeMs: 100 })
  const { seen } = await openEvents(url)
  await until(() => seen.ended)
  assert.match(seen.text, /event: ready/)
})

test('one name cannot listen so often that nobody else can', async (t) => {
  const { url } = await startWeb(t)
  const opened = await Promise.all(Array.from({ length: 260 }, () => openEvents(url)))
  const refused = opened.filter(({ response }) => response.status === 503)
  assert.equal(refused.length, 10)
  assert.equal(refused[0]?.response.headers.get('retry-after'), '30')
  for (const { leave } of opened) leave()
})

test('closing ends events and waits, finishes the rest, and refuses what comes later', async (t) => {
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  let arrived = false
  const { url, ledger, close } = await startWeb(t, {
    receiver: async (_incoming, response) => {
      arrived = true
      await held
      response.writeHead(202).end('{}')
    },
  })
  const { seen } = await openEvents(url)
  const waiting = fetch(`${url}/api/applications/shop-prod/tickets/9?wait=10m`, { headers: BEARER })
  const delivery = fetch(`${url}/hooks/github`, { method: 'POST', body: '{}' })
  await until(() => arrived && ledger.waiting() === 1)
  const closed = close()
  await until(() => seen.ended)
  assert.equal((await waiting).status, 504)
  release()
  assert.equal((await delivery).status, 202)
  await closed
  await assert.rejects(fetch(`${url}/healthz`))
})

test('a request that never ends is cut when the grace of closing is over', async (t) => {
  let arrived = false
  const { url, close } = await startWeb(t, { graceMs: 50, receiver: () => void (arrived = true) })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => undefined)
  const gone = new Promise((resolve) => socket.once('close', resolve))
  socket.write('POST /hooks/github HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n')
  await until(() => arrived)
  await close()
  await gone
})

test('listening on an address that is taken or not ours is told with what to do, not a crash later', async (t) => {
  const { url } = await startWeb(t)
  const taken = { code: 'cannot-listen', message: /port \d+ \(EADDRINUSE\)/, fix: /set PORT to another port/ }
  await assert.rejects(startWeb(t, { port: Number(new URL(url).port) }), taken)
  await assert.rejects(startWeb(t, { host: '192.0.2.1' }), { code: 'cannot-listen', fix: /Set HOST/ })
})
