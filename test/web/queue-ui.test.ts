import assert from 'node:assert/strict'
import { test } from 'node:test'
import request from 'supertest'
import { createQueueUi } from '../../src/web/queue-ui.ts'
import { auditedQueueUi } from '../../src/roles/audited.ts'
import type { Audit } from '../../src/record/audit/audit.ts'
import type { AuditEvent } from '../../src/model/audit.ts'
import { createFailureLimit } from '../../src/web/failure-limit.ts'
import { createQueueServer } from '../../src/web/server.ts'
import { createTokenBook } from '../../src/web/tokens.ts'
import { silent } from '../queue/setup.ts'
import { NO_AUDIT, NO_LOGINS } from './logins.ts'
import { createWitness } from '../../src/web/witness.ts'
import { createMemoryLedger } from './memory-ledger.ts'
import { startQueues } from './queues.ts'
import { sampleConfiguration } from './samples.ts'
import { BASIC, BEARER, startWeb, TOKEN } from './start.ts'

test('the queue UI shows the queue of each cluster, with nothing loaded from elsewhere', async (t) => {
  const queues = await startQueues(t, ['prod', 'dev'])
  const { url } = await startWeb(t, { queueUi: createQueueUi({ queues: () => queues, operator: false }) })
  assert.equal((await request(url).get('/queues/')).status, 401)
  const page = await request(url).get('/queues/').set(BASIC).expect(200)
  assert.match(page.headers['content-security-policy'] ?? '', /script-src 'self';/)
  assert.doesNotMatch(page.text, /https?:\/\//)
  assert.equal((await request(url).get('/queues').set(BASIC)).headers['location'], '/queues/')
  const script = /src="(static\/js\/main[^"]+)"/.exec(page.text)?.[1]
  await request(url).get(`/queues/${script}`).set(BASIC).expect(200)

  const { body } = await request(url).get('/queues/api/queues').set(BASIC).expect(200)
  const shown = body.queues.map(({ name, displayName, readOnlyMode }: Record<string, unknown>) => [name, displayName, readOnlyMode])
  assert.deepEqual(shown, [
    ['prod-sync', 'prod', true],
    ['dev-sync', 'dev', true],
  ])
  assert.equal(body.queues[0].counts.prioritized, 1)
})

test('only an operator changes jobs, and only from the pages of gitwake itself', async (t) => {
  const queues = await startQueues(t, ['prod'])
  const changes = ['prod-sync/pause', 'prod-sync/obliterate', 'prod-sync/shop-prod-1/clean', 'prod-sync/add', 'pause'].map(
    (path) => `/queues/api/queues/${path}`,
  )
  const looker = await startWeb(t, { queueUi: createQueueUi({ queues: () => queues, operator: false }) })
  for (const path of changes) {
    const answer = await request(looker.url).put(path).set(BEARER)
    assert.equal(answer.status, 403, path)
    assert.equal(answer.body.error.code, 'read-only')
  }
  assert.equal(await queues[0]?.queue.isPaused(), false)

  const operator = await startWeb(t, { queueUi: createQueueUi({ queues: () => queues, operator: true }) })
  const pause = '/queues/api/queues/prod-sync/pause'
  assert.equal((await request(operator.url).put(pause).set(BASIC).set('Sec-Fetch-Site', 'cross-site')).status, 403)
  assert.equal((await request(operator.url).put(pause).set(BASIC).set('Sec-Fetch-Site', 'same-origin')).status, 200)
  assert.equal(await queues[0]?.queue.isPaused(), true)
})

test('a cluster that is configured later shows up without a restart', async (t) => {
  const queues = await startQueues(t, ['prod', 'dev'])
  let shown = queues.slice(0, 1)
  const { url } = await startWeb(t, { queueUi: createQueueUi({ queues: () => shown, operator: false }) })
  const names = async (): Promise<readonly string[]> => {
    const { body } = await request(url).get('/queues/api/queues').set(BASIC).expect(200)
    return body.queues.map(({ displayName }: { displayName: string }) => displayName)
  }
  assert.deepEqual(await names(), ['prod'])
  shown = queues.slice()
  assert.deepEqual(await names(), ['prod', 'dev'])
})

test('whatever is changed there is in the audit log with who did it', async (t) => {
  const noted: AuditEvent[] = []
  const audit: Audit = {
    record: async () => undefined,
    recordFrom: async () => undefined,
    note: (event) => void noted.push(event),
    anchor: async () => undefined,
    entries: async () => [],
    close: async () => undefined,
  }
  const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log }
  const queueUi = auditedQueueUi((_request, response) => void response.send('done'), { audit, log, now: () => 7 })
  const { url } = await startWeb(t, { queueUi })
  await request(url).get('/queues/').set(BASIC).expect(200)
  await request(url).put('/queues/api/queues/pause').set(BEARER).expect(200)
  const detail = { method: 'PUT', address: '/queues/api/queues/pause', status: 200 }
  assert.deepEqual(noted, [{ at: 7, actor: 'the API', action: 'queue operated', detail }])
})

test('on a listener of its own the queue UI has the same door, is not on the main one, and nothing else is there', async (t) => {
  const queues = await startQueues(t, ['prod'])
  const failures = createFailureLimit({ burst: 3, refillMs: 60_000, addresses: 10, now: Date.now })
  const main = await startWeb(t, { queueUi: 'elsewhere', failures })
  const configuration = () => sampleConfiguration()
  const server = createQueueServer({
    host: '127.0.0.1',
    port: 0,
    tokens: createTokenBook({ shared: [TOKEN], configuration, resolveSecret: async () => '', log: silent, now: Date.now }),
    logins: NO_LOGINS,
    witness: createWitness({ audit: NO_AUDIT, now: Date.now }),
    failures,
    addressOf: ({ socket }) => socket.remoteAddress ?? '',
    configuration,
    ledger: createMemoryLedger([]),
    queueUi: createQueueUi({ queues: () => queues, operator: false, alone: true }),
    log: silent,
    now: Date.now,
  })
  const { url } = await server.listen()
  t.after(() => server.close())

  for (const path of ['/queues', '/queues/', '/queues/api/queues']) {
    const { body } = await request(main.url).get(path).set(BEARER).expect(404)
    assert.equal(body.error.code, 'queues-elsewhere')
    await request(url).get(path).expect(401)
  }
  assert.equal((await request(url).get('/').set(BASIC).expect(302)).headers['location'], '/queues/')
  const page = await request(url).get('/queues/').set(BASIC).expect(200)
  assert.match(page.headers['content-security-policy'] ?? '', /script-src 'self';/)
  const { body } = await request(url).get('/queues/api/queues').set(BEARER).expect(200)
  assert.equal(body.queues[0].displayName, 'prod')
  await request(url).put('/queues/api/queues/prod-sync/pause').set(BEARER).expect(403)
  for (const path of ['/api/applications', '/metrics', '/applications/shop-prod', '/hooks/github'])
    await request(url).get(path).set(BEARER).expect(404)

  for (let guess = 0; guess < 3; guess += 1) await request(url).get('/queues/').set({ Authorization: 'Bearer wrong' }).expect(401)
  await request(main.url).get('/').set(BEARER).expect(429)
})
