import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { answer, bodyOf, connectTo, serve } from './api-server.ts'

const signal = new AbortController().signal
const GET = { method: 'GET', path: '/api/v1/namespaces', signal } as const
const PATCH = { method: 'PATCH', path: '/api/v1/namespaces/a', body: '{}', contentType: 'application/apply-patch+yaml', signal } as const

test('a request carries the token, who we are, its query and its body, and comes back whole', async (t) => {
  const url = await serve(t, async (request, response) => {
    const { method, url: path, headers } = request
    const seen = [method, path, headers.authorization, headers['user-agent'], headers['content-type'], await bodyOf(request)]
    answer(response, 201, JSON.stringify(seen), { 'x-found': 'yes' })
  })
  const connection = await connectTo(t, url)
  const response = await connection.request({ ...PATCH, query: { fieldManager: 'gitwake', force: true, limit: 5, continue: undefined } })
  assert.equal(response.status, 201)
  assert.equal(response.path, PATCH.path)
  assert.equal(response.headers['x-found'], 'yes')
  assert.deepEqual(JSON.parse(response.text), [
    'PATCH',
    '/api/v1/namespaces/a?fieldManager=gitwake&force=true&limit=5',
    'Bearer secret-token',
    'gitwake/1.2.3',
    'application/apply-patch+yaml',
    '{}',
  ])
})

test('a server behind a path, as a management proxy has it, keeps its path', async (t) => {
  const url = await serve(t, (request, response) => answer(response, 200, String(request.url)))
  const connection = await connectTo(t, `${url}/k8s/clusters/c-1/`)
  assert.equal((await connection.request(GET)).text, '/k8s/clusters/c-1/api/v1/namespaces')
})

test('a packed answer is unpacked', async (t) => {
  const text = JSON.stringify({ items: Array.from({ length: 5_000 }, (_, index) => `ä${index}`) })
  const url = await serve(t, (request, response) => {
    assert.equal(request.headers['accept-encoding'], 'gzip')
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(text))
  })
  assert.equal((await (await connectTo(t, url)).request(GET)).text, text)
})

test('a packed answer that unpacks without an end is refused', async (t) => {
  // A file of several members is one text: small to make, large to unpack.
  const member = gzipSync(Buffer.alloc(16 * 1024 * 1024))
  const bomb = Buffer.concat(Array.from({ length: 20 }, () => member))
  const url = await serve(t, (_request, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb))
  await assert.rejects((await connectTo(t, url)).request(GET), { code: 'cluster-answer-too-large' })
})

test('a name never climbs out of its place', async (t) => {
  const connection = await connectTo(t, 'http://127.0.0.1:1')
  for (const path of ['/api/v1/../secrets', '/api/./v1', 'api/v1', '/api//v1', '/api/v1/a?b', '/api/v1/a b', '/api/v1/..']) {
    await assert.rejects(connection.request({ ...GET, path }), TypeError, path)
  }
})

test('while the server asks for patience one request at a time asks again, and all of them get through afterwards', async (t) => {
  let refused = 0
  let inFlight = 0
  let most = 0
  let open = false
  const url = await serve(t, async (_request, response) => {
    inFlight++
    most = Math.max(most, inFlight)
    await delay(20)
    inFlight--
    if (open) return answer(response, 200, '{}')
    refused++
    if (refused === 20 + 3) open = true
    answer(response, 429, 'Too many requests, please try again later.', { 'retry-after': '0' })
  })
  const connection = await connectTo(t, url, { concurrency: 20 })
  const responses = await Promise.all(Array.from({ length: 200 }, () => connection.request(PATCH)))
  assert(responses.every(({ status }) => status === 200))
  // The twenty that were on their way, then three that asked alone.
  assert.equal(refused, 23)
  assert(most <= 20)
})

test('a request that has no patience left brings back the refusal, and those after it are not sent', async (t) => {
  let asked = 0
  const url = await serve(t, (_request, response) => {
    asked++
    answer(response, 429, 'Too many requests', { 'retry-after': '60' })
  })
  const connection = await connectTo(t, url, { patienceMs: 1000 })
  assert.equal((await connection.request(PATCH)).status, 429)
  await assert.rejects(connection.request(PATCH), { code: 'cluster-busy', retryable: true })
  await assert.rejects(connection.stream(GET), { code: 'cluster-busy' })
  assert.equal(asked, 1)
})

test('a kind whose storage cannot be read holds up nobody else', async (t) => {
  const url = await serve(t, (request, response) => {
    if (request.url === '/api/v1/pods') return answer(response, 200, '{}')
    answer(response, 429, JSON.stringify({ kind: 'Status', message: 'storage is (re)initializing', code: 429 }), { 'retry-after': '1' })
  })
  const connection = await connectTo(t, url, { patienceMs: 3000 })
  const broken = connection.request({ ...GET, path: '/apis/acme.example/v1/widgets' })
  await connection.request({ ...GET, path: '/api/v1/pods' })
  assert.equal((await Promise.race([broken, connection.request({ ...GET, path: '/api/v1/pods' })])).status, 200)
  assert.equal((await broken).status, 429)
})

test('a 503 is waited out only where the server says for how long', async (t) => {
  const asked = { plain: 0, patient: 0 }
  const url = await serve(t, (request, response) => {
    if (request.url === '/plain') return answer(response, 503, 'service unavailable', (asked.plain++, {}))
    asked.patient++
    if (asked.patient === 1) answer(response, 503, '', { 'retry-after': '0' })
    else answer(response, 200, '{}')
  })
  const connection = await connectTo(t, url)
  assert.equal((await connection.request({ ...GET, path: '/plain' })).status, 503)
  assert.equal((await connection.request({ ...PATCH, path: '/patient' })).status, 200)
  assert.deepEqual(asked, { plain: 1, patient: 2 })
})

test('a lost connection is tried again where that is harmless, and only there', async (t) => {
  const asked = new Map<string | undefined, number>()
  const url = await serve(t, (request, response) => {
    const times = (asked.get(request.method) ?? 0) + 1
    asked.set(request.method, times)
    if (times < 3) request.socket.destroy()
    else answer(response, 200, '{}')
  })
  const connection = await connectTo(t, url)
  assert.equal((await connection.request(GET)).status, 200)
  await assert.rejects(connection.request(PATCH), { code: 'cluster-unreachable', retryable: true })
  assert.equal((await connection.request({ ...PATCH, method: 'DELETE', idempotent: true })).status, 200)
  assert.deepEqual(
    [...asked],
    [
      ['GET', 3],
      ['PATCH', 1],
      ['DELETE', 3],
    ],
  )
})

test('an answer that breaks off is no answer', async (t) => {
  const url = await serve(t, (_request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('{"items":[')
    setTimeout(() => response.destroy(), 20)
  })
  await assert.rejects((await connectTo(t, url)).request(PATCH), { code: 'cluster-unreachable' })
})

test('an answer that is not HTTP is no answer', async (t) => {
  const url = await serve(t, (request) => void request.socket.end('SSH-2.0-OpenSSH\r\n'))
  await assert.rejects((await connectTo(t, url)).request(PATCH), { code: 'cluster-unreachable' })
})

test('a server that does not answer, or not to the end, costs no more than the timeout', async (t) => {
  const url = await serve(t, (request, response) => {
    if (request.url === '/half') response.writeHead(200).write('{')
  })
  const connection = await connectTo(t, url)
  await assert.rejects(connection.request({ ...GET, timeoutMs: 50 }), { code: 'cluster-timeout', retryable: true })
  await assert.rejects(connection.request({ ...GET, path: '/half', timeoutMs: 50 }), { code: 'cluster-timeout' })
})

test('an abort ends a request wherever it stands, with its own reason', async (t) => {
  const url = await serve(t, (request, response) => {
    if (request.url === '/busy') answer(response, 429, 'wait', { 'retry-after': '5' })
  })
  const connection = await connectTo(t, url, { concurrency: 1 })
  const reason = new Error('superseded')
  const abort = new AbortController()
  const hanging = connection.request({ ...GET, signal: abort.signal })
  const queued = connection.request({ ...GET, signal: abort.signal })
  const paused = connectTo(t, url).then((other) => other.request({ ...GET, path: '/busy', signal: abort.signal }))
  setTimeout(() => abort.abort(reason), 50)
  for (const request of [hanging, queued, paused]) await assert.rejects(request, reason)
  await assert.rejects(connection.request({ ...GET, signal: abort.signal }), reason)
})

test('never more requests at once than allowed, and a watch does not count', async (t) => {
  let inFlight = 0
  let most = 0
  const url = await serve(t, async (request, response) => {
    if (request.url === '/watch') return void response.writeHead(200).write('\n')
    most = Math.max(most, ++inFlight)
    await delay(5)
    inFlight--
    answer(response, 200, '{}')
  })
  const connection = await connectTo(t, url, { concurrency: 3 })
  const streams = await Promise.all([1, 2, 3, 4].map(() => connection.stream({ path: '/watch', signal })))
  await Promise.all(Array.from({ length: 50 }, () => connection.request(GET)))
  assert.equal(most, 3)
  for (const stream of streams) stream.close()
})

test('a guard stands before every attempt, the repeated ones too', async (t) => {
  let asked = 0
  const url = await serve(t, (_request, response) => {
    asked++
    answer(response, 429, 'wait', { 'retry-after': '0' })
  })
  const connection = await connectTo(t, url)
  const lost = new Error('lease lost')
  const beforeRequest = (): void => {
    if (asked === 2) throw lost
  }
  await assert.rejects(connection.request({ ...PATCH, beforeRequest }), lost)
  assert.equal(asked, 2)
  // What it threw leaves the way open for the next.
  await assert.rejects(connection.request({ ...PATCH, beforeRequest: () => assert.fail(lost) }), lost)
})

test('a guard is asked once more when the connection stands: its making may have outlasted the right to write', async (t) => {
  let asked = 0
  const url = await serve(t, (_request, response) => {
    asked++
    answer(response, 200, '{}')
  })
  const connection = await connectTo(t, url)
  const lost = new Error('lease lost')
  let isLost = false
  const beforeRequest = (): void => {
    if (isLost) throw lost
    isLost = true
  }
  await assert.rejects(connection.request({ ...PATCH, beforeRequest }), lost)
  assert.equal(asked, 0)
  assert.equal((await connection.request(GET)).status, 200)
})

test('the time of the server is read from its answers, whatever the local clock says', async (t) => {
  const offset = 600_000
  const url = await serve(t, (_request, response) => {
    answer(response, 200, '{}', { date: new Date(Date.now() + offset).toUTCString() })
  })
  const connection = await connectTo(t, url)
  await connection.request(GET)
  assert(Math.abs(connection.serverTime() - Date.now() - offset) < 1_100)
})

test('no error ever shows the token', async (t) => {
  const connection = await connectTo(t, 'http://127.0.0.1:1')
  const error: unknown = await connection.request(PATCH).catch((thrown: unknown) => thrown)
  assert(error instanceof Error)
  assert.doesNotMatch(JSON.stringify(error) + error.message + String(error.stack) + String(error.cause), /secret-token/)
})
