import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import request from 'supertest'
import type { AccessToken } from '../../src/model/configuration.ts'
import { ASSETS } from '../../src/web/assets/asset-paths.ts'
import { needOf, ROUTE_RIGHTS } from '../../src/web/rights.ts'
import { createTokenBook } from '../../src/web/tokens.ts'
import { routesOfServer } from './routes.ts'
import { FIRST, sampleConfiguration, sampleStatus } from './samples.ts'
import { BASIC, TOKEN, startWeb } from './start.ts'

const OPEN = [
  'get /healthz',
  'get /readyz',
  'get /login',
  'get /login/{name}/start',
  'get /login/{name}/callback',
  'post /logout',
  ...ASSETS.map(({ path }) => `get ${path}`),
]
const NAMES = ['shop-prod', 'shop-test', 'billing']

function tokenOf(name: string, fields: Partial<AccessToken['grant']> & Pick<Partial<AccessToken>, 'expiresAt'> = {}): AccessToken {
  const { expiresAt, ...grant } = fields
  return {
    name,
    secret: { kind: 'hash', sha256: createHash('sha256').update(secretOf(name)).digest('hex') },
    grant: { allow: 'read', applications: ['*'], clusters: ['*'], ...grant },
    ...(expiresAt !== undefined && { expiresAt }),
  }
}

function secretOf(name: string): string {
  return `gwt_the-token-of-${name}`
}

async function start(t: TestContext, tokens: readonly AccessToken[], options: Parameters<typeof startWeb>[1] = {}) {
  const configuration = sampleConfiguration(NAMES, tokens)
  const web = await startWeb(t, { configuration: () => configuration, ...options })
  web.ledger.setStatuses(NAMES.map((application) => sampleStatus({ application })))
  const as = (name: string) => {
    const sent = (method: 'get' | 'post', path: string) =>
      request(web.url)
        [method](path)
        .set('Authorization', `Bearer ${name === '' ? TOKEN : secretOf(name)}`)
    return { get: (path: string) => sent('get', path), post: (path: string) => sent('post', path) }
  }
  return { ...web, as }
}

test('one token cannot use up the Idempotency-Keys of another, nor learn of them', async (t) => {
  const { as, ledger } = await start(t, [
    tokenOf('shop-ci', { allow: 'sync', applications: ['shop-*'] }),
    tokenOf('billing-ci', { allow: 'sync', applications: ['billing'] }),
  ])
  const ask = (token: string, application: string) => as(token).post(`/api/applications/${application}/sync`).set('Idempotency-Key', FIRST)
  const first = await ask('shop-ci', 'shop-prod').expect(202)
  await ask('billing-ci', 'billing').expect(202)
  assert.deepEqual((await ask('shop-ci', 'shop-prod').expect(202)).body, first.body)
  await ask('shop-ci', 'shop-test').expect(422)
  assert.deepEqual(
    ledger.triggers.map(({ trigger }) => trigger.actor),
    ['shop-ci', 'billing-ci'],
  )
})

test('every route of the server needs a right, and every right is about a route', (t) => {
  const routes = routesOfServer(t).filter((route) => !OPEN.includes(route))
  assert.ok(routes.includes('post /api/applications/{name}/sync'), 'the routes can be read')
  const declared = ROUTE_RIGHTS.filter(({ path }) => !path.startsWith('/queues')).map(
    ({ method, path }) => `${method.toLowerCase()} ${path.replaceAll(/:(\w+)/g, '{$1}')}`,
  )
  assert.deepEqual(routes.toSorted(), declared.toSorted(), 'declare the right of a new route in src/web/rights.ts')
})

test('whatever changes something needs more than to look', () => {
  for (const { method, path, right } of ROUTE_RIGHTS) if (method !== 'GET') assert.notEqual(right, 'read', path)
  assert.deepEqual(needOf('POST', '/api/applications/shop-prod/sync', {}), {
    right: 'sync',
    about: 'application',
    application: 'shop-prod',
  })
  const rightOf = (method: string, path: string, query = {}) => {
    const need = needOf(method, path, query)
    return typeof need === 'object' ? need.right : need
  }
  assert.equal(rightOf('POST', '/api/applications/shop-prod/sync', { confirm: 'x' }), 'operate')
  for (const [method, path] of [
    ['DELETE', '/api/applications'],
    ['GET', '/api/applicationsx'],
    ['GET', '/API/applications'],
    ['GET', '/api/openapixjson'],
    ['POST', '/'],
  ] as const)
    assert.equal(needOf(method, path, {}), undefined, path)
  assert.equal(rightOf('PUT', '/queues/api/queues/x/pause'), 'operate')
  assert.equal(rightOf('HEAD', '/queues/'), 'read')
})

test('no route changes anything for a browser that another site steers', async (t) => {
  const queueUi: NonNullable<Parameters<typeof startWeb>[1]>['queueUi'] = (_request, response) => void response.send('queues')
  const { url, ledger } = await start(t, [], { queueUi })
  const changing = ROUTE_RIGHTS.flatMap(({ method, path }) => {
    const methods = method === '*' ? (['post', 'put', 'patch', 'delete'] as const) : method === 'POST' ? (['post'] as const) : []
    return methods.map((one) => ({ method: one, path: path.replace(':name', 'shop-prod').replace('/*', '/api/queues/x/pause') }))
  })
  assert.ok(changing.length > 6)
  for (const { method, path } of changing) {
    for (const headers of [{ 'Sec-Fetch-Site': 'cross-site' }, { 'Sec-Fetch-Site': 'same-site' }, { Origin: 'https://evil.example' }]) {
      const { status, body } = await request(url)[method](path).set(BASIC).set(headers)
      assert.deepEqual([status, body.error?.code], [403, 'cross-origin'], `${method} ${path}`)
    }
  }
  assert.deepEqual([ledger.triggers, ledger.said, ledger.confirmed], [[], [], []])
})

test('a token opens its own applications; of the others nothing is known, in the same words as of those that do not exist', async (t) => {
  const { as, ledger } = await start(t, [tokenOf('shop-ci', { allow: 'operate', applications: ['shop-*'] })])
  const outcome = (application: string) => ({ application, ticket: 1, state: 'pending' as const })
  ledger.addDelivery({ provider: 'github', id: 'd1', receivedAt: 1, event: 'push', outcomes: ['shop-prod', 'billing'].map(outcome) })
  ledger.addDelivery({ provider: 'github', id: 'd2', receivedAt: 1, event: 'push', outcomes: [outcome('billing')] })
  ledger.addDelivery({ provider: 'github', id: 'd3', receivedAt: 1, event: 'ping', outcomes: [], ignored: 'a ping' })
  const { get, post } = as('shop-ci')

  const { body } = await get('/api/applications').expect(200)
  assert.deepEqual(
    body.applications.map(({ application }: { application: string }) => application),
    ['shop-prod', 'shop-test'],
  )
  const page = await get('/').expect(200)
  assert.match(page.text, /shop-test/)
  assert.doesNotMatch(page.text, /billing/)
  const { body: delivery } = await get('/api/deliveries/d1').expect(200)
  assert.deepEqual(delivery.outcomes, [outcome('shop-prod')])

  const hidden = ['', '/history', '/plan', '/tickets/1'].flatMap((below) =>
    ['billing', 'nothing'].map((name) => get(`/api/applications/${name}${below}`)),
  )
  const orders = ['sync', 'suspend', 'resume', 'sync?confirm=x'].flatMap((order) =>
    ['billing', 'nothing'].map((name) => post(`/api/applications/${name}/${order}`)),
  )
  const deliveries = ['d2', 'd3', 'd4'].map((id) => get(`/api/deliveries/${id}`))
  const bodies = new Set<string>()
  for (const sent of [...hidden, ...orders, ...deliveries]) bodies.add(JSON.stringify(await sent.expect(404).then((answer) => answer.body)))
  assert.equal(bodies.size, 1)
  assert.match((await get('/applications/billing').set('Accept', 'text/html').expect(404)).text, /nothing at this address/)
  assert.deepEqual(ledger.triggers, [])

  await post('/api/applications/shop-prod/sync').expect(202)
  await as('').get('/api/deliveries/d3').expect(200)
})

test('a commit is told as far as it concerns what the token may read', async (t) => {
  const { as, ledger } = await start(t, [tokenOf('shop-ci', { applications: ['shop-*'] })])
  const place = (application: string) => ({
    application,
    cluster: 'prod',
    namespace: 'x',
    ref: 'refs/heads/main',
    state: 'synced' as const,
    message: 'done',
    objects: [],
  })
  const other = `${FIRST.slice(0, 10)}${'0'.repeat(30)}`
  ledger.addCommit({ revision: FIRST, repositories: ['shop'], applications: [place('shop-prod'), place('billing')] })
  ledger.addCommit({ revision: other, repositories: ['billing'], applications: [place('billing')] })
  const { body } = await as('shop-ci')
    .get(`/api/commits/${FIRST.slice(0, 8)}`)
    .expect(200)
  assert.deepEqual(body, { revision: FIRST, repositories: ['shop'], applications: [place('shop-prod')] })
  await as('shop-ci').get(`/api/commits/${other}`).expect(404)
  await as('')
    .get(`/api/commits/${FIRST.slice(0, 8)}`)
    .expect(422)
})

test('each right holds those before it, and no more; what is missing is said', async (t) => {
  const { as, ledger } = await start(t, [
    tokenOf('looker', { allow: 'read' }),
    tokenOf('shop-ci', { allow: 'sync' }),
    tokenOf('ada', { allow: 'operate' }),
  ])
  const orders = ['sync', 'sync?confirm=abc', 'suspend', 'resume']
  const tried = async (name: string) =>
    Promise.all(orders.map(async (order) => (await as(name).post(`/api/applications/shop-prod/${order}`)).status))
  assert.deepEqual(await tried('looker'), [403, 403, 403, 403])
  assert.deepEqual(await tried('shop-ci'), [202, 403, 403, 403])
  assert.deepEqual(await tried('ada'), [202, 202, 202, 202])
  for (const name of ['looker', 'shop-ci', 'ada']) await as(name).get('/api/applications/shop-prod').expect(200)
  assert.equal(ledger.confirmed.length, 1)

  const { body } = await as('looker').post('/api/applications/shop-prod/sync').expect(403)
  assert.deepEqual(body.error, {
    code: 'forbidden',
    message: 'looker has no right to sync (shop-prod).',
    fix: 'It needs allow: sync or operate, for shop-prod, in its document in the configuration.',
  })
})

test('what tells of every application needs a right to every application', async (t) => {
  const queueUi: NonNullable<Parameters<typeof startWeb>[1]>['queueUi'] = (_request, response) => void response.send('queues')
  const { as } = await start(
    t,
    [
      tokenOf('everything'),
      tokenOf('one-cluster', { clusters: ['prod'], allow: 'operate' }),
      tokenOf('shop-ci', { applications: ['shop-*'], allow: 'operate' }),
      tokenOf('ada', { allow: 'operate' }),
    ],
    { queueUi },
  )
  for (const path of ['/metrics', '/queues/', '/queues/api/queues']) {
    await as('everything').get(path).expect(200)
    for (const name of ['one-cluster', 'shop-ci']) await as(name).get(path).expect(403)
  }
  const pause = '/queues/api/queues/x/pause'
  for (const name of ['everything', 'one-cluster', 'shop-ci']) await as(name).post(pause).expect(403)
  await as('ada').post(pause).expect(200)
})

test('who acted is who had the token, whatever the request says', async (t) => {
  const { as, ledger, logged } = await start(t, [tokenOf('ada', { allow: 'operate' })])
  await as('ada').post('/api/applications/shop-prod/sync').expect(202)
  await as('ada').post('/api/applications/shop-prod/suspend?by=root').expect(202)
  await as('').post('/api/applications/shop-prod/suspend?by=eve').expect(202)
  await as('').post('/api/applications/shop-prod/sync').expect(202)
  assert.deepEqual(
    ledger.triggers.map(({ trigger }) => trigger.actor),
    ['ada', 'root (ada)', 'eve', 'the API'],
  )
  assert.ok(logged.some((line) => line.startsWith('suspended') && line.includes('root (ada)')))
})

test('a token opens nothing once it has expired, and nothing once it has left the configuration', async (t) => {
  let time = Date.parse('2027-01-30T23:59:59Z')
  let configuration = sampleConfiguration(['shop-prod'], [tokenOf('shop-ci', { expiresAt: Date.parse('2027-01-31') }), tokenOf('ada')])
  const { as, logged } = await start(t, [], { now: () => time, configuration: () => configuration })
  await as('shop-ci').get('/api/applications').expect(200)
  time += 1_000
  const { text } = await as('shop-ci').get('/api/applications').expect(401)
  assert.doesNotMatch(text, /shop-ci|expired/u)
  assert.ok(logged.some((line) => line.startsWith('the token shop-ci opens nothing: it has expired at 2027-01-31T00:00:00.000Z')))
  await as('ada').get('/api/applications').expect(200)
  configuration = sampleConfiguration(['shop-prod'])
  await as('ada').get('/api/applications').expect(401)
})

test('a token that stands elsewhere is read there, anew when it is replaced; one that cannot be read closes no other', async () => {
  let time = 0
  const warned: string[] = []
  const values = new Map([['ONE', 'a-random-token-of-many-characters']])
  const reference = (name: string): AccessToken => ({ ...tokenOf(name), secret: { kind: 'reference', from: { env: name.toUpperCase() } } })
  const configuration = sampleConfiguration(['shop-prod'], [reference('one'), reference('two'), reference('short'), tokenOf('ada')])
  values.set('SHORT', 'too-short')
  const log = { debug() {}, info() {}, error() {}, warn: (_: object, text: string) => void warned.push(text), child: () => log }
  const book = createTokenBook({
    shared: [],
    configuration: () => configuration,
    resolveSecret: async (from) => ('env' in from && values.get(from.env)) || Promise.reject(new Error('is not set')),
    log,
    now: () => time,
  })
  const nameOf = async (token: string) => (await book.principalOf(token))?.name
  assert.equal(await nameOf('a-random-token-of-many-characters'), 'one')
  assert.equal(await nameOf(secretOf('ada')), 'ada')
  assert.equal(await nameOf('too-short'), undefined)
  assert.equal(await nameOf(''), undefined)
  assert.deepEqual(warned.map((text) => text.slice(0, 32)).toSorted(), [
    'the token short opens nothing: i',
    'the token two opens nothing: it ',
  ])
  values.set('ONE', 'another-token-of-many-characters')
  time += 10_000
  assert.equal(await nameOf('a-random-token-of-many-characters'), undefined)
  assert.equal(await nameOf('another-token-of-many-characters'), 'one')
})
