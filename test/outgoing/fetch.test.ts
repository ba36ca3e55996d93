import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { createOutgoingFetch, type OutgoingOptions } from '../../src/outgoing/fetch.ts'
import { createResolve, lookupBy } from '../../src/outgoing/resolve.ts'

const limits = { maxBytes: 64 * 1024, timeoutMs: 10_000 }

/** A server on this machine, and how often somebody connected. */
async function serve(t: TestContext, listener: RequestListener = (_request, response) => response.end('hello')) {
  const server = createServer(listener)
  let connections = 0
  server.on('connection', () => (connections += 1))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return { port: address.port, connections: () => connections }
}

const fetchBy = (options: Partial<OutgoingOptions> = {}) => createOutgoingFetch({ allowInsecure: false, ...limits, ...options })

test('a name that leads to this machine is refused before anything connects, among whatever addresses it stands', async (t) => {
  const { port, connections } = await serve(t)
  const local = fc.constantFrom('127.0.0.1', '::1', '169.254.169.254', '::ffff:127.0.0.1', '0.0.0.0', 'fe80::1%lo')
  const answers = fc.tuple(fc.array(fc.ipV4(), { maxLength: 2 }), local, fc.array(fc.ipV6(), { maxLength: 2 }))
  await fc.assert(
    fc.asyncProperty(answers, async ([before, one, after]) => {
      const get = fetchBy({ resolve: async () => [...before, one, ...after] })
      await assert.rejects(get(`https://issuer.example:${port}/`), { code: 'address-refused', retryable: true, fix: /allowInsecure/ })
    }),
    { numRuns: 200 },
  )
  assert.equal(connections(), 0)
})

test('a name is asked once for each connection, and what was judged is what is connected to', async (t) => {
  const { port } = await serve(t)
  const asked: string[] = []
  const resolve = async (host: string) => {
    asked.push(host)
    return ['127.0.0.1']
  }
  const get = fetchBy({ allowInsecure: true, resolve })
  assert.equal(await (await get(`http://issuer.example:${port}/`)).text(), 'hello')
  assert.deepEqual(asked, ['issuer.example'])

  // A name server that answers otherwise the second time has nobody to answer to.
  const turns = [['192.0.2.7', '2001:db8::7'], ['127.0.0.1']]
  const lookup = lookupBy(async () => turns.shift() ?? [], false)
  const found = await new Promise((done) => lookup('issuer.example', { all: true }, (error, addresses) => done(error ?? addresses)))
  assert.deepEqual(found, [
    { address: '192.0.2.7', family: 4 },
    { address: '2001:db8::7', family: 6 },
  ])
  assert.equal(turns.length, 1)
  const next = await new Promise((done) => lookup('issuer.example', {}, (error) => done(error)))
  assert.match(String(next), /issuer\.example is at 127\.0\.0\.1/)
})

test('a redirect is an answer, never followed', async (t) => {
  const inner = await serve(t)
  const { port } = await serve(t, (_request, response) => response.writeHead(302, { Location: `http://127.0.0.1:${inner.port}/` }).end())
  const answer = await fetchBy({ allowInsecure: true })(`http://127.0.0.1:${port}/`)
  assert.deepEqual([answer.status, answer.headers.get('location')], [302, `http://127.0.0.1:${inner.port}/`])
  assert.equal(inner.connections(), 0)
})

test('an answer that is too large or never ends is left, and none is unpacked', async (t) => {
  const { port } = await serve(t, (request, response) => {
    if (request.url === '/large') response.end(Buffer.alloc(50 * 1024 * 1024))
    else if (request.url === '/slow') response.write('a')
    else response.setHeader('Content-Encoding', 'gzip').end('not unpacked')
  })
  const url = `http://127.0.0.1:${port}`
  await assert.rejects(fetchBy({ allowInsecure: true })(`${url}/large`), { code: 'answer-too-large' })
  await assert.rejects(fetchBy({ allowInsecure: true, timeoutMs: 300 })(`${url}/slow`), {
    code: 'host-unreachable',
    retryable: true,
    message: /no whole answer within 0\.3 s/,
  })
  assert.equal(await (await fetchBy({ allowInsecure: true })(`${url}/gzip`)).text(), 'not unpacked')
  const gone = new AbortController()
  const waiting = fetchBy({ allowInsecure: true })(`${url}/slow`, { signal: gone.signal })
  gone.abort(new Error('nobody waits'))
  await assert.rejects(waiting, { message: 'nobody waits' })
})

test('what is sent arrives: method, headers and a form', async (t) => {
  const { port } = await serve(t, (request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += chunk))
    request.on('end', () => response.writeHead(201).end(JSON.stringify([request.method, request.headers['content-type'], body])))
  })
  const answer = await fetchBy({ allowInsecure: true })(`http://127.0.0.1:${port}/token?x=1`, {
    method: 'POST',
    body: new URLSearchParams({ a: 'b c' }),
  })
  assert.equal(answer.status, 201)
  assert.deepEqual(await answer.json(), ['POST', 'application/x-www-form-urlencoded;charset=UTF-8', 'a=b+c'])
})

test('URLs are judged before names are, and hosts that do not answer are told', async () => {
  const resolve = async (): Promise<readonly string[]> => assert.fail('nobody asks')
  for (const url of [
    'http://issuer.example/',
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://user:s3cret@issuer.example/',
    'file:///etc/passwd',
  ])
    await assert.rejects(
      fetchBy({ resolve })(url),
      (error: Error & { code?: string }) => error.code === 'url-refused' && !error.message.includes('s3cret'),
    )
  await assert.rejects(fetchBy({ allowInsecure: true })('http://127.0.0.1:1/'), { code: 'host-unreachable', retryable: true })
  const nowhere = createResolve(async () => Promise.reject(new Error('ENOTFOUND')))
  await assert.rejects(fetchBy({ resolve: nowhere })('https://issuer.example/'), { code: 'host-not-found', message: /issuer\.example/ })
})

test('however many wait for one name, the name server is asked once at a time', async () => {
  let asked = 0
  const { promise, resolve: answer } = Promise.withResolvers<readonly string[]>()
  const resolve = createResolve(() => {
    asked += 1
    return promise
  })
  const all = Array.from({ length: 50 }, () => resolve('issuer.example'))
  answer(['192.0.2.7'])
  assert.deepEqual(await Promise.all(all), Array(50).fill(['192.0.2.7']))
  assert.equal(asked, 1)
  await resolve('issuer.example')
  assert.equal(asked, 2)
})
