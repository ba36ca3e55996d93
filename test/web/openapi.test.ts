import assert from 'node:assert/strict'
import { get as httpGet } from 'node:http'
import { test, type TestContext } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import request, { type Test } from 'supertest'
import type { z } from 'zod'
import type { CommitReport } from '../../src/model/commit.ts'
import { GitwakeError } from '../../src/model/error.ts'
import type { DeliveryRecord } from '../../src/model/intake.ts'
import type { PlanReport } from '../../src/model/plan-report.ts'
import type { Change } from '../../src/model/plan.ts'
import type { ApplicationStatus, SyncResult } from '../../src/model/result.ts'
import * as schemas from '../../src/web/openapi/schemas.ts'
import { holdsEqual } from '../support/generated.ts'
import { githubHeaders, githubPush, rawRequest, shopSecret, speak, startReceiver } from '../webhook/support.ts'
import { deviations, document, type Answer } from './openapi-document.ts'
import { routesOfServer } from './routes.ts'
import { FIRST, sampleChange, samplePlan, sampleResult, sampleStatus } from './samples.ts'
import { BASIC, BEARER, startWeb } from './start.ts'
import { until } from './until.ts'

/** As JSON has it: nothing is read-only, and what is undefined is not there. */
type Wire<Model> = { -readonly [Key in keyof Model]: Wire<Model[Key]> }
type SameFields<Schema, Model> = [keyof Schema] extends [keyof Model] ? ([keyof Model] extends [keyof Schema] ? true : never) : never
/** The schema takes every value of the type, and names each of its fields and no other. */
type Tells<Schema extends z.ZodType, Model> = Wire<Model> extends z.input<Schema> ? SameFields<z.input<Schema>, Model> : never
/** Does not compile where a type of the answers and its schema in src/web/openapi/schemas.ts differ: mend the schema. */
const told: [
  Tells<typeof schemas.change, Change>,
  Tells<typeof schemas.syncResult, SyncResult>,
  Tells<typeof schemas.applicationStatus, ApplicationStatus>,
  Tells<typeof schemas.deliveryRecord, DeliveryRecord>,
  Tells<typeof schemas.commitReport, CommitReport>,
  Tells<typeof schemas.planReport, PlanReport>,
] = [true, true, true, true, true, true]

const seen = new Set<string>()

/** Checks an answer against the document, and remembers that it was given. */
function hold(method: string, path: string, { status, type, body }: Answer): void {
  seen.add(`${method} ${path} ${status}`)
  assert.deepEqual(deviations(method, path, { status, type, body }), [])
}

async function expectTold(sent: Test, method: string, path: string, status: number): Promise<void> {
  const answer = await sent
  assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`)
  hold(method, path, answer)
}

const APPLICATION = '/api/applications/{name}'
const refused = {
  outcome: 'failed',
  problem: { code: 'field-unknown', message: 'One object was refused.', fix: 'Correct it.', retryable: false },
  changes: [sampleChange({ action: 'failed', reason: 'spec.replcias is unknown', fix: 'Did you mean replicas?' })],
} as const
const everyField = sampleChange({
  drift: [
    { field: 'spec.replicas', manager: 'kubectl-edit', at: '2026-03-04T05:06:07Z' },
    { field: 'data', manager: undefined, at: undefined },
  ],
  diff: [
    { field: 'spec.replicas', op: 'change', before: 2, after: { a: [1] } },
    { field: 'data.x', op: 'add', lines: ['+a'] },
  ],
  moreFields: 2,
  stage: 1,
  hook: 'pre-sync',
  wave: 1,
  retryable: true,
})

test('the document is valid OpenAPI, and the one in the docs', async () => {
  assert.ok(told.every(Boolean))
  const result = await new Validator().validate(JSON.parse(JSON.stringify(document)))
  assert.deepEqual([result.valid, result.errors], [true, undefined])
  await holdsEqual('docs/reference/openapi.json', () => `${JSON.stringify(document, null, 2)}\n`)
})

test('every route of the server stands in the document', async (t) => {
  const routes = routesOfServer(t)
  assert.ok(routes.includes('get /api/applications/{name}/history'), 'the routes can be read')
  const isPage = (route: string): boolean => /^(?:get \/($|assets\/|applications\/|login)|post \/logout)/.test(route)
  assert.deepEqual(
    routes.filter((route) => !isPage(route)).filter((route) => !isDocumented(route)),
    [],
  )
})

function isDocumented(route: string): boolean {
  const [method = '', path = ''] = route.split(' ')
  return document.paths[path]?.[method] !== undefined
}

async function start(t: TestContext) {
  let plan: PlanReport | undefined
  const web = await startWeb(t, { planner: { ask: async () => 1, find: async () => plan } })
  const get = (path: string) => request(web.url).get(path).set(BEARER)
  const post = (path: string) => request(web.url).post(path).set(BEARER)
  /** Sends a request that waits, and lets the sync end that way. */
  const ending = async (sent: Test, fields: Partial<SyncResult>) => {
    const answer = sent.then((value) => value)
    await until(() => web.ledger.waiting() === 1)
    web.ledger.finish(sampleResult({ seen: web.ledger.triggers.length, ...fields }))
    return answer
  }
  return { ...web, get, post, ending, setPlan: (report: PlanReport | undefined) => void (plan = report) }
}

test('questions about applications, commits and deliveries are answered as the document says', async (t) => {
  const { get, ledger } = await start(t)
  ledger.setStatuses([
    sampleStatus({
      lastResult: sampleResult({ ...refused, changes: [everyField] }),
      drift: [everyField],
      suspended: { by: 'ada', at: 1 },
      pinned: { by: 'ada', at: 1, revision: FIRST, bad: FIRST },
    }),
    sampleStatus({ application: 'shop-dev', sync: 'waiting', waiting: { for: 'window', why: 'it is day', until: 1 } }),
    sampleStatus({ application: 'shop-far', pollFails: { since: 1, problem: { code: 'c', message: 'm', fix: 'f', retryable: true } } }),
  ])
  ledger.finish(sampleResult({ changes: [everyField], revision: undefined, rendered: undefined, head: FIRST }))
  const object = { group: '', kind: 'Pod', namespace: 'a', name: 'b' }
  ledger.finish(sampleResult({ health: { status: 'failed', objects: [{ object, status: 'failed', message: 'crashed', log: ['panic'] }] } }))
  const place = { application: 'shop-prod', cluster: 'prod', namespace: 'shop', ref: 'refs/heads/main' }
  const superseded = {
    ...place,
    state: 'superseded',
    message: 'x',
    supersededBy: FIRST,
    since: 1,
    health: 'current',
    ticket: 2,
    moreObjects: 1,
  } as const
  ledger.addCommit({
    revision: FIRST,
    repositories: ['shop'],
    applications: [{ ...superseded, objects: [{ object, action: 'created', reason: 'new' }] }],
  })
  ledger.addCommit({ revision: `${FIRST.slice(0, 9)}${'0'.repeat(31)}`, repositories: [], applications: [] })
  const outcomes = [
    { application: 'shop-prod', ticket: 1, state: 'synced', revision: FIRST, message: 'done', finishedAt: 1 },
    { application: 'gone', ticket: 0, state: 'unknown application' },
  ] as const
  ledger.addDelivery({
    provider: 'github',
    id: 'd1',
    receivedAt: 1,
    event: 'push',
    ref: 'refs/heads/main',
    after: FIRST,
    actor: 'ada',
    outcomes,
  })
  await expectTold(get('/api/applications'), 'get', '/api/applications', 200)
  await expectTold(get('/api/applications/shop-prod'), 'get', APPLICATION, 200)
  await expectTold(get('/api/applications/nobody'), 'get', APPLICATION, 404)
  await expectTold(get('/api/applications/%ZZ'), 'get', APPLICATION, 400)
  await expectTold(get('/api/applications/shop-prod/history'), 'get', `${APPLICATION}/history`, 200)
  await expectTold(get('/api/applications/nobody/history'), 'get', `${APPLICATION}/history`, 404)
  await expectTold(get('/api/applications/shop-prod/history?limit=x'), 'get', `${APPLICATION}/history`, 400)
  await expectTold(get(`/api/commits/${FIRST}`), 'get', '/api/commits/{sha}', 200)
  await expectTold(get(`/api/commits/${FIRST.slice(0, 8)}`), 'get', '/api/commits/{sha}', 422)
  await expectTold(get('/api/commits/0000000'), 'get', '/api/commits/{sha}', 404)
  await expectTold(get('/api/commits/HEAD'), 'get', '/api/commits/{sha}', 400)
  await expectTold(get('/api/deliveries/d1'), 'get', '/api/deliveries/{id}', 200)
  await expectTold(get('/api/deliveries/d2'), 'get', '/api/deliveries/{id}', 404)
  await expectTold(get('/api/openapi.json'), 'get', '/api/openapi.json', 200)
  await expectTold(get('/api/me'), 'get', '/api/me', 200)
  await expectTold(get('/metrics'), 'get', '/metrics', 200)
})

test('what asks for a sync, waits for one, stops and resumes is answered as the document says', async (t) => {
  const { post, get, ending, ledger } = await start(t)
  const held = { outcome: 'held', message: 'would delete 9 of 9', plan: 'sha256:abc' } as const
  for (const [fields, status] of [
    [{}, 200],
    [held, 409],
    [{ outcome: 'suspended' }, 409],
    [refused, 422],
  ] as const) {
    hold('post', `${APPLICATION}/sync`, await ending(post('/api/applications/shop-prod/sync?wait=60s'), fields))
    const ticket = `/api/applications/shop-prod/tickets/${ledger.triggers.length}`
    await expectTold(get(`${ticket}?wait=60s`), 'get', `${APPLICATION}/tickets/{wanted}`, status)
    for (const action of ['resume', 'rollback', 'unpin'])
      hold(
        'post',
        `${APPLICATION}/${action}`,
        await ending(post(`/api/applications/shop-prod/${action}?wait=60s&to=${'e'.repeat(40)}`), fields),
      )
  }
  for (const action of ['sync', 'resume', 'suspend', 'rollback', 'unpin']) {
    const [said, to] = action === 'sync' ? [`revision=${FIRST}`, ''] : ['by=ada&reason=why', `&to=${'e'.repeat(40)}`]
    await expectTold(post(`/api/applications/shop-prod/${action}?${said}${to}`), 'post', `${APPLICATION}/${action}`, 202)
    await expectTold(post(`/api/applications/nobody/${action}`), 'post', `${APPLICATION}/${action}`, 404)
    const wrong = action === 'sync' ? 'wait=soon' : 'by=%00'
    await expectTold(post(`/api/applications/shop-prod/${action}?${wrong}`), 'post', `${APPLICATION}/${action}`, 400)
    if (action !== 'suspend')
      await expectTold(post(`/api/applications/shop-prod/${action}?wait=20ms${to}`), 'post', `${APPLICATION}/${action}`, 504)
  }
  await expectTold(get('/api/applications/shop-prod/tickets/99?wait=20ms'), 'get', `${APPLICATION}/tickets/{wanted}`, 504)
  await expectTold(get('/api/applications/shop-prod/tickets/0'), 'get', `${APPLICATION}/tickets/{wanted}`, 404)
  await expectTold(get('/api/applications/shop-prod/tickets/1?wait=soon'), 'get', `${APPLICATION}/tickets/{wanted}`, 400)
})

test('what lets go of orphans is answered as the document says', async (t) => {
  const { post, get, ending, ledger } = await start(t)
  const problem = { message: 'm', fix: 'f' }
  const old = { application: 'old', cluster: 'prod', objects: 3, revision: 'e'.repeat(40), deletionPolicy: 'orphan', since: 1 } as const
  ledger.setOrphans([{ ...old, departure: 'delete', problem }])
  await expectTold(get('/api/orphans'), 'get', '/api/orphans', 200)
  const tickets = '/api/orphans/{cluster}/{name}/tickets/{wanted}'
  for (const [fields, status] of [
    [{}, 200],
    [{ outcome: 'held', message: 'would delete 9 of 9', plan: 'abc' }, 409],
    [refused, 422],
  ] as const) {
    await post('/api/applications/old/detach')
    ledger.finish(sampleResult({ seen: ledger.triggers.length, application: 'old', ...fields }))
    await expectTold(get(`/api/orphans/prod/old/tickets/${ledger.triggers.length}?wait=60s`), 'get', tickets, status)
  }
  await expectTold(get('/api/orphans/prod/old/tickets/99?wait=20ms'), 'get', tickets, 504)
  await expectTold(get('/api/orphans/prod/old/tickets/0'), 'get', tickets, 404)
  await expectTold(get('/api/orphans/prod/old/tickets/1?wait=soon'), 'get', tickets, 400)
  for (const action of ['detach', 'delete']) {
    const path = `${APPLICATION}/${action}`
    const held = { outcome: 'held', message: 'would delete 9 of 9', plan: 'abc' } as const
    for (const fields of [{}, held, refused])
      hold('post', path, await ending(post(`/api/applications/old/${action}?wait=60s`), { application: 'old', ...fields }))
    await expectTold(post(`/api/applications/old/${action}`), 'post', path, 202)
    await expectTold(post(`/api/applications/old/${action}?wait=soon`), 'post', path, 400)
    await expectTold(post(`/api/applications/nobody/${action}`), 'post', path, 404)
    await expectTold(post(`/api/applications/shop-prod/${action}`), 'post', path, 409)
    await expectTold(post(`/api/applications/old/${action}?wait=20ms`), 'post', path, 504)
  }
})

test('plans are answered as the document says', async (t) => {
  const { get, setPlan } = await start(t)
  const path = '/api/applications/shop-prod/plan'
  await expectTold(get(path), 'get', `${APPLICATION}/plan`, 202)
  const subjects = [
    { of: 'head' },
    { of: 'ref', ref: 'refs/heads/x' },
    { of: 'revision', revision: FIRST },
    { of: 'pull', pull: 7 },
  ] as const
  for (const subject of subjects) {
    setPlan(samplePlan({ subject, changes: [everyField], held: { reason: 'a', fix: 'b', digest: 'c' } }))
    await expectTold(get(path), 'get', `${APPLICATION}/plan`, 200)
  }
  setPlan(samplePlan({ outcome: 'failed', problem: { ...refused.problem, object: sampleChange({}).object }, revision: undefined }))
  await expectTold(get(path), 'get', `${APPLICATION}/plan`, 422)
  setPlan(samplePlan({ outcome: 'failed', problem: { ...refused.problem, retryable: true } }))
  await expectTold(get(path), 'get', `${APPLICATION}/plan`, 503)
  await expectTold(get(`${path}?pull=x`), 'get', `${APPLICATION}/plan`, 400)
  await expectTold(get('/api/applications/nobody/plan'), 'get', `${APPLICATION}/plan`, 404)
})

test('the audit log is exported as the document says', async (t) => {
  const { get } = await start(t)
  await expectTold(get('/api/audit?since=24h&after=3&application=shop-prod'), 'get', '/api/audit', 200)
  await expectTold(get('/api/audit?since=yesterday'), 'get', '/api/audit', 400)
})

test('probes and events are answered as the document says', async (t) => {
  const { url } = await start(t)
  for (const path of ['/healthz', '/readyz']) await expectTold(request(url).get(path), 'get', path, 200)
  const closed = await startWeb(t, { readiness: () => Promise.reject(new Error('no')) })
  await expectTold(request(closed.url).get('/readyz'), 'get', '/readyz', 503)
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const stream = httpGet(`${url}/api/events`, { headers: BEARER }, (response) => {
    resolve({ status: response.statusCode ?? 0, type: (response.headers['content-type'] ?? '').split(';')[0] ?? '', body: undefined })
    stream.destroy()
  })
  stream.on('error', reject)
  hold('get', '/api/events', await promise)
})

test('whatever the door of the API refuses is refused as the document says', async (t) => {
  const { url, ledger } = await start(t)
  const broken = { toJSON: () => assert.fail('broken') }
  ledger.setStatuses([{ ...sampleStatus(), ...broken }])
  await expectTold(request(url).get('/api/applications').set(BEARER), 'get', '/api/applications', 500)
  await expectTold(
    request(url).post('/api/applications/shop-prod/sync').set(BASIC).set('Sec-Fetch-Site', 'cross-site'),
    'post',
    `${APPLICATION}/sync`,
    403,
  )
  ledger.cutRedis(true)
  const closed = await startWeb(t, { tokens: [], planner: { ask: away, find: away } })
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, { responses }] of Object.entries(methods)) {
      if (responses['500'] === undefined || path.startsWith('/hooks')) continue
      const address = path.replace('{name}', 'shop-prod').replace('{wanted}', '1').replace('{sha}', FIRST).replace('{id}', 'd1')
      const send = (to: string): Test => (method === 'get' ? request(to).get(address) : request(to).post(address))
      await expectTold(send(closed.url), method, path, 503)
      await expectTold(send(url), method, path, 401)
    }
  }
  await expectTold(request(url).get('/api/applications').set(BEARER), 'get', '/api/applications', 503)
  let status = 401
  for (let tries = 0; status === 401 && tries < 100; tries += 1) {
    const answer = await request(url).get('/api/applications').set('Authorization', 'Bearer wrong')
    hold('get', '/api/applications', answer)
    ;({ status } = answer)
  }
  assert.equal(status, 429)
})

const away = (): Promise<never> => Promise.reject(new GitwakeError('redis-unavailable', 'Redis is away.', { fix: 'x', retryable: true }))

test('deliveries are answered as the document says', async (t) => {
  const harness = await startReceiver({ limits: { maxBytes: 4_000, timeoutMs: 300 } })
  t.after(() => harness.close())
  const body = JSON.stringify(githubPush())
  const deliver = (path: string, headers: object, sent = body): Test =>
    request(`http://127.0.0.1:${harness.port}`)
      .post(path)
      .set({ ...headers })
      .send(sent)
  for (const [path, address, secret] of [
    ['/hooks/{provider}', '/hooks/github', undefined],
    ['/hooks/{provider}/{repository}', '/hooks/github/shop', shopSecret],
  ] as const) {
    const headers = (sent: string, event = 'push') => githubHeaders(sent, secret, `${path} ${event}`, event)
    await expectTold(deliver(address, headers(body)), 'post', path, 202)
    await expectTold(deliver(address, headers(body)), 'post', path, 200)
    await expectTold(deliver(address, headers(body, 'ping')), 'post', path, 200)
    await expectTold(deliver(address, headers('[]'), '[]'), 'post', path, 400)
    await expectTold(deliver(address, { 'content-type': 'application/json' }), 'post', path, 401)
    await expectTold(deliver(address, headers('x'.repeat(5_000)), 'x'.repeat(5_000)), 'post', path, 413)
    await expectTold(deliver(address, { 'content-type': 'text/plain' }), 'post', path, 415)
    harness.intake.failure = await away().catch((error: Error) => error)
    await expectTold(deliver(address, { ...headers(body), 'x-github-delivery': 'later' }), 'post', path, 503)
    harness.intake.failure = undefined
    const { status, text } = await speak(harness.port, [
      rawRequest(address, { 'content-type': 'application/json', 'content-length': '10' }),
    ])
    hold('post', path, { status, type: 'application/json', body: JSON.parse(text.slice(text.indexOf('{'))) })
  }
})

test('every answer of the document was given by the server', () => {
  const doors = new Set(['401', '403', '429', '500', '503'])
  const all = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { responses }]) =>
      Object.keys(responses).map((status) => ({ status, told: `${method} ${path} ${status}` })),
    ),
  )
  assert.deepEqual(
    all.filter(({ status, told: one }) => !doors.has(status) && !seen.has(one)).map(({ told: one }) => one),
    [],
  )
  for (const status of doors)
    assert.ok(
      [...seen].some((one) => one.endsWith(` ${status}`)),
      status,
    )
})
