import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { Harness } from './support.ts'
import { githubHeaders, githubPush, rawRequest, speak, startReceiver, until } from './support.ts'

const body = JSON.stringify(githubPush())
const limits = { maxBytes: 200_000, budgetBytes: 400_000, largeBytes: 20_000, timeoutMs: 600, maxReaders: 20 }

describe('what a socket can do to the receiver', () => {
  let harness: Harness
  before(async () => void (harness = await startReceiver({ limits })))
  after(() => harness.close())

  const head = (length: number | string, text = body) =>
    rawRequest('/hooks/github', { ...githubHeaders(text), 'content-length': String(length) })
  const chunked = (text = body) => rawRequest('/hooks/github', { ...githubHeaders(text), 'transfer-encoding': 'chunked' })
  const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
  const accepted = () => harness.intake.calls.length

  it('a body in one piece, in many pieces and in chunks is the same body', async () => {
    assert.equal((await speak(harness.port, [head(body.length), body])).status, 202)
    assert.equal((await speak(harness.port, [head(body.length), ...(body.match(/.{1,40}/gu) ?? [])])).status, 200)
    assert.equal((await speak(harness.port, [chunked(), ...(body.match(/.{1,100}/gu) ?? []).map(chunk), '0\r\n\r\n'])).status, 200)
    assert.equal(accepted(), 3)
  })

  it('a Content-Length that is too small, too large, no number, negative or there twice is refused', async () => {
    const before = accepted()
    // The byte too many is taken for the next request, which Node's parser may refuse before the first is answered.
    assert.ok([400, 401].includes((await speak(harness.port, [head(body.length - 1), body])).status))
    assert.equal((await speak(harness.port, [head(body.length + 1), body])).status, 408)
    for (const length of ['abc', '-1', '1e3', '0x10', `${body.length}, ${body.length}`]) {
      assert.equal((await speak(harness.port, [head(length), body])).status, 400, length)
    }
    const twice = `${head(body.length, body).slice(0, -2)}content-length: ${body.length + 1}\r\n\r\n`
    assert.equal((await speak(harness.port, [twice, body])).status, 400)
    const both = `${head(body.length, body).slice(0, -2)}transfer-encoding: chunked\r\n\r\n`
    assert.equal((await speak(harness.port, [both, chunk(body), '0\r\n\r\n'])).status, 400)
    assert.equal(accepted(), before)
  })

  it('a sender that hangs up in the middle leaves nothing behind', async () => {
    const before = accepted()
    for (let count = 0; count < 50; count++) {
      const socket = connect(harness.port, '127.0.0.1')
      await new Promise<void>((resolve) => socket.write(head(150_000) + 'x'.repeat(30_000), () => resolve()))
      socket.destroy()
    }
    const large = JSON.stringify(githubPush({ fill: 'x'.repeat(190_000) }))
    await until(() => harness.server.listening)
    let status = 0
    for (let tries = 0; tries < 50 && status !== 202; tries++)
      status = (await speak(harness.port, [head(large.length, large), large])).status
    assert.equal(status, 202)
    assert.equal(accepted(), before + 1)
  })

  it('a signature header that comes twice is refused, even if both are right', async () => {
    const { 'x-hub-signature-256': signature = '' } = githubHeaders(body)
    const twice = `${head(body.length).slice(0, -2)}X-Hub-Signature-256: ${signature}\r\n\r\n`
    assert.equal((await speak(harness.port, [twice, body])).status, 401)
  })

  it('a declared size above the limit is 413 before the body is read', async () => {
    assert.equal((await speak(harness.port, [head(26 * 1024 * 1024)])).status, 413)
  })

  it('chunks without end are 413 at the limit', async () => {
    const piece = chunk('x'.repeat(10_000))
    const endless = Array.from({ length: 1000 }, () => piece)
    assert.equal((await speak(harness.port, [chunked(), ...endless])).status, 413)
  })

  it('a body in chunks of one byte is refused before it costs much', async () => {
    assert.equal((await speak(harness.port, [chunked(), chunk('x').repeat(30_000)])).status, 413)
  })

  it('a body that comes byte by byte is 408 when its time is over, and the connection is closed', async () => {
    const reply = await speak(harness.port, [head(body.length), ...body], { everyMs: 50 })
    assert.equal(reply.status, 408)
    assert.match(reply.text, /connection: close/iu)
  })

  it('while slow senders hold every place, a good delivery is taken at once', async () => {
    const slow = Array.from({ length: 60 }, () => speak(harness.port, [head(body.length), ...body], { everyMs: 50 }))
    const fine = []
    for (let count = 0; count < 20; count++) {
      const text = JSON.stringify(githubPush({ slow: count }))
      fine.push((await speak(harness.port, [head(text.length, text) + text])).status)
    }
    assert.deepEqual(new Set(fine), new Set([202]))
    assert.deepEqual(new Set((await Promise.all(slow)).map(({ status }) => status)), new Set([408]))
  })

  it('while large bodies fill their share of the memory, the next large one is 503 with Retry-After and small ones are taken', async () => {
    const large = 'x'.repeat(180_000)
    const holders = [1, 2].map(() => connect(harness.port, '127.0.0.1'))
    try {
      const size = large.length + 10
      // The one that asks has just sent most of its body: nobody is slow, so nobody gives way.
      const replies: string[] = []
      for (const holder of holders) {
        holder.on('data', (data) => replies.push(data.toString()))
        holder.on('error', () => {})
        await new Promise<void>((resolve) => holder.write(head(size) + large.slice(0, 140_000), () => resolve()))
      }
      await until(() => replies.length > 0)
      assert.match(replies[0] ?? '', /^HTTP\/1\.1 503 .*retry-after: 2/su)
      const text = JSON.stringify(githubPush({ beside: 1 }))
      assert.equal((await speak(harness.port, [head(text.length, text) + text])).status, 202)
    } finally {
      for (const holder of holders) holder.destroy()
    }
  })

  it('Expect: 100-continue is honoured', async () => {
    const expecting = `${head(body.length).slice(0, -2)}expect: 100-continue\r\n\r\n`
    const reply = await speak(harness.port, [expecting, body], { everyMs: 20 })
    assert.match(reply.text, /^HTTP\/1\.1 100 Continue/u)
    assert.equal(reply.status, 200)
  })

  it('two deliveries on one connection, one right behind the other, are both answered', async () => {
    const socket = connect(harness.port, '127.0.0.1')
    let text = ''
    socket.on('data', (data) => (text += data.toString()))
    const wrong = body.replace('ada', 'eve')
    socket.write(head(wrong.length, body) + wrong + head(body.length) + body)
    await until(() => (text.match(/HTTP\/1\.1 /gu) ?? []).length === 2)
    socket.destroy()
    assert.deepEqual(text.match(/HTTP\/1\.1 \d+/gu), ['HTTP/1.1 401', 'HTTP/1.1 200'])
  })
})

describe('a flood of bodies that are too large', () => {
  it('is answered 413 each, then cut, and good deliveries go on beside it', async () => {
    const harness = await startReceiver({ limits })
    try {
      const head = rawRequest('/hooks/github', { ...githubHeaders(body), 'content-length': String(50 * 1024 * 1024) })
      const piece = 'x'.repeat(1024 * 1024)
      const flood = Array.from({ length: 40 }, () => speak(harness.port, [head, ...Array<string>(50).fill(piece)]))
      const good = []
      for (let count = 0; count < 20; count++) {
        const text = JSON.stringify(githubPush({ flood: count }))
        const headers = { ...githubHeaders(text), 'content-length': String(text.length) }
        good.push((await speak(harness.port, [rawRequest('/hooks/github', headers) + text])).status)
      }
      assert.deepEqual(new Set(good), new Set([202]))
      assert.deepEqual(new Set((await Promise.all(flood)).map(({ status }) => status)), new Set([413]))
    } finally {
      await harness.close()
    }
  })

  it('a sender that goes on after its answer is hung up on', async () => {
    const harness = await startReceiver({ limits })
    try {
      const socket = connect(harness.port, '127.0.0.1')
      socket.on('error', () => {}).resume()
      socket.write(rawRequest('/hooks/github', { ...githubHeaders(body), 'content-length': String(50 * 1024 * 1024) }))
      const timer = setInterval(() => void socket.write('x'), 20)
      await until(() => socket.destroyed)
      clearInterval(timer)
    } finally {
      await harness.close()
    }
  })
})
