import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { request } from 'node:http'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { GitwakeError } from '../../src/model/error.ts'
import { parsePayload } from '../../src/webhook/payload.ts'
import type { Harness, Headers } from './support.ts'
import { githubHeaders, githubPush, githubSecret, gitlabHeaders, startReceiver } from './support.ts'

interface Hostile {
  readonly method: string
  readonly path: string
  readonly headers: Headers
  readonly body: Buffer
}

const names = [
  'content-type', 'content-encoding', 'x-hub-signature-256', 'x-hub-signature', 'x-github-event', 'x-github-delivery', 'x-gitlab-event',
  'x-gitlab-token', 'webhook-id', 'webhook-timestamp', 'webhook-signature', 'idempotency-key', 'x-forwarded-for', '__proto__',
] // prettier-ignore

// What Node lets a client put into a header: the rest never leaves the sender.
const value = fc.oneof(
  fc.constantFrom(
    '',
    'application/json',
    'sha256=',
    `sha256=${'0'.repeat(64)}`,
    'v1,',
    `v1,${'A'.repeat(43)}=`,
    'push',
    'Push Hook',
    '0',
    '-1',
    'whsec_',
  ),
  fc.string({ unit: 'grapheme-ascii', maxLength: 100 }).map((text) => text.trim()),
)
const payload = JSON.stringify(githubPush())
const valid = { ...githubHeaders(payload), ...gitlabHeaders(payload) }

/** An authentic request of which one thing at least is not as it was signed. */
const spoiled = fc
  .record({ at: fc.nat(payload.length - 1), byte: fc.nat(255), path: fc.constantFrom('/hooks/github', '/hooks/gitlab') })
  .map(({ at, byte, path }): Hostile => {
    const body = Buffer.from(payload)
    body[at] = (body[at] ?? 0) === byte ? byte ^ 1 : byte
    return { method: 'POST', path, headers: valid, body }
  })
const wild = fc.record({
  method: fc.constantFrom('POST', 'POST', 'POST', 'GET', 'PUT', 'OPTIONS'),
  path: fc.oneof(
    fc.constantFrom('/hooks/github', '/hooks/gitlab', '/hooks/github/shop', '/hooks/gitlab/shop', '/hooks/', '/hooks/constructor'),
    fc.webPath().map((path) => `/hooks${path}`),
  ),
  headers: fc.dictionary(fc.constantFrom(...names), value).map((headers) => ({ 'content-type': 'application/json', ...headers })),
  body: fc.oneof(
    fc.constant(Buffer.from(payload)),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.json({ maxDepth: 6 }).map((text) => Buffer.from(text)),
  ),
})

function statusOf(port: number, { method, path, headers, body }: Hostile): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, host: '127.0.0.1', method, path, headers: { ...headers, 'content-length': body.length } }, (reply) => {
      reply.resume().on('end', () => resolve(reply.statusCode ?? 0))
    })
    outgoing.on('error', reject).end(body)
  })
}

describe('hostile requests', () => {
  let harness: Harness
  before(async () => void (harness = await startReceiver()))
  after(() => harness.close())

  it('2,000 of them never reach the queue and never make the receiver fail', async () => {
    const property = fc.asyncProperty(fc.oneof(spoiled, wild), async (hostile) => {
      const status = await statusOf(harness.port, hostile)
      assert.ok([401, 405, 413, 415].includes(status), `${status}`)
      assert.deepEqual(harness.intake.calls, [])
    })
    await fc.assert(property, { numRuns: 2000 })
    assert.ok(!harness.logged.some(({ level }) => level === 'error'))
  })

  it('500 signed ones of any content are 200, 202 or 400, never more', async () => {
    const strange = fc.oneof(
      fc.json({ maxDepth: 5 }),
      fc
        .dictionary(fc.constantFrom('ref', 'before', 'after', 'repository', 'commits', 'sender', 'deleted', '__proto__'), fc.jsonValue())
        .map((changes) => JSON.stringify(githubPush(changes))),
      fc.string({ unit: 'binary', maxLength: 200 }),
    )
    const property = fc.asyncProperty(strange, async (text) => {
      const body = Buffer.from(text)
      const signature = createHmac('sha256', githubSecret).update(body).digest('hex')
      const headers = { ...githubHeaders(text), 'x-hub-signature-256': `sha256=${signature}` }
      const status = await statusOf(harness.port, { method: 'POST', path: '/hooks/github', headers, body })
      assert.ok([200, 202, 400].includes(status), `${status}`)
    })
    await fc.assert(property, { numRuns: 500 })
  })
})

describe('the payload reader', () => {
  it('reads every JSON object as JSON.parse does', () => {
    const property = fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 8 })), (value) => {
      const text = JSON.stringify(value, null, 1)
      assert.deepEqual(parsePayload(Buffer.from(text)), JSON.parse(text))
    })
    fc.assert(property, { numRuns: 2000 })
  })

  it('takes 64 levels and refuses 65', () => {
    const nested = (depth: number) => Buffer.from(`{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`)
    parsePayload(nested(64))
    assert.throws(
      () => parsePayload(nested(65)),
      (error) => error instanceof GitwakeError && error.code === 'malformed-delivery',
    )
  })

  it('is not fooled by brackets, quotes and backslashes in texts', () => {
    const value = { a: '[{'.repeat(500), 'b"': '\\"}', 'c\\': '"a":1', a2: ['x', { 'y"': '{' }] }
    assert.deepEqual(parsePayload(Buffer.from(JSON.stringify(value))), value)
  })
})
