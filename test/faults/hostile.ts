import { createHmac } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import fc from 'fast-check'
import { githubHeaders, githubPush, gitlabHeaders, type Headers } from '../webhook/support.ts'

/** The secrets of the server under attack: what is signed with them is spoiled before it is sent. */
export const SECRETS = {
  github: 'fuzz-secret-of-github',
  gitlab: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
  token: 'fuzz-api-token',
}

interface Hostile {
  readonly method: string
  readonly path: string
  readonly headers: Headers
  readonly body: Buffer
}

/** Whether there are receivers of these names or not: what is not configured must look the same from outside. */
const PROVIDERS = [
  'github', 'gitlab', 'gitea', 'forgejo', 'gogs', 'bitbucket', 'azure', 'standard', 'generic', 'hmac', 'oidc', 'registry', 'ghcr', 'dockerhub', 'harbor',
  'constructor', '__proto__', '..', '%2e%2e', '',
] // prettier-ignore
const HEADERS = [
  'content-type', 'content-encoding', 'transfer-encoding', 'expect', 'x-hub-signature-256', 'x-hub-signature', 'x-github-event',
  'x-github-delivery', 'x-gitlab-event', 'x-gitlab-token', 'x-gitea-event', 'x-gitea-delivery', 'x-gitea-signature', 'x-forgejo-signature',
  'x-event-key', 'x-request-uuid', 'webhook-id', 'webhook-timestamp', 'webhook-signature', 'authorization', 'idempotency-key', 'cookie',
  'origin', 'x-forwarded-for', 'x-forwarded-host', 'if-none-match', 'range', 'accept', '__proto__', 'constructor',
] // prettier-ignore
const PATHS = [
  '/', '/healthz', '/readyz', '/metrics', '/queues', '/queues/api/queues', '/api', '/api/openapi.json', '/api/applications', '/api/applications/shop-prod',
  '/api/applications/shop-prod/sync?wait=10m', '/api/applications/shop-prod/history?limit=1e9', '/api/applications/..%2f..%2fetc/plan',
  '/api/deliveries/%00', '/api/commits/zzzz', '/api/events', '/applications/shop-prod', '/assets/../../package.json', '/%', '//', '/hooks', '/hooks/',
] // prettier-ignore

const value = fc.oneof(
  fc.constantFrom(
    '', 'application/json', 'application/x-www-form-urlencoded', 'gzip', 'chunked', '100-continue', 'sha256=', `sha256=${'0'.repeat(64)}`,
    `sha1=${'0'.repeat(40)}`, `sha256=${'0'.repeat(63)}`, 'v1,', `v1,${'A'.repeat(43)}=`, 'push', 'Push Hook', 'git.push', 'repo:push', '0', '-1', 'NaN',
    '99999999999', 'whsec_', 'Bearer ', 'Bearer fuzz', 'Basic !!', `Basic ${Buffer.from('a:b').toString('base64')}`, 'null', 'bytes=0-,1-',
  ), // prettier-ignore
  fc.string({ unit: 'grapheme-ascii', maxLength: 60 }).map((text) => text.trim()),
)
const payload = JSON.stringify(githubPush())
const body = fc.oneof(
  { weight: 3, arbitrary: fc.constant(Buffer.from(payload)) },
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 2, arbitrary: fc.json({ maxDepth: 3 }).map((text) => Buffer.from(text)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      Buffer.alloc(0), Buffer.from('null'), Buffer.from('[]'), Buffer.from('['.repeat(20_000)), Buffer.from('{"__proto__":{"ref":"x"}}'),
      Buffer.from('"\\ud800"'), Buffer.from([0xff, 0xfe, 0x7b, 0]), Buffer.from(`{"ref":${'9'.repeat(5000)}}`), Buffer.from(payload, 'utf16le'),
    ), // prettier-ignore
  },
)
const path = fc.oneof(
  fc.constantFrom(...PROVIDERS).map((name) => `/hooks/${name}`),
  fc
    .tuple(fc.constantFrom(...PROVIDERS), fc.constantFrom('shop', 'nothing', '..', '%00', 'a'.repeat(300)))
    .map(([name, one]) => `/hooks/${name}/${one}`),
  fc.constantFrom(...PATHS),
  fc.webPath({ size: 'small' }).map((text) => text || '/'),
)
const wild: fc.Arbitrary<Hostile> = fc.record({
  method: fc.constantFrom('POST', 'POST', 'POST', 'POST', 'GET', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'),
  path,
  headers: fc.dictionary(fc.constantFrom(...HEADERS.filter((name) => name !== 'transfer-encoding' && name !== 'expect')), value, {
    maxKeys: 6,
  }),
  body,
})
/** What an authentic sender sent, with one byte changed on the way, on one route or another. */
const spoiled: fc.Arbitrary<Hostile> = fc
  .record({ at: fc.nat(payload.length - 1), byte: fc.nat(255), provider: fc.constantFrom(...PROVIDERS), gitlab: fc.boolean() })
  .map(({ at, byte, provider, gitlab }) => {
    const changed = Buffer.from(payload)
    changed[at] = changed[at] === byte ? byte ^ 1 : byte
    const headers = gitlab ? gitlabHeaders(payload, { key: SECRETS.gitlab }) : githubHeaders(payload, SECRETS.github)
    return { method: 'POST', path: `/hooks/${provider}`, headers, body: changed }
  })
/** Every way of signing with a key that is not the right one. */
const wrongKey: fc.Arbitrary<Hostile> = fc
  .record({ key: fc.string({ minLength: 1, maxLength: 20 }), provider: fc.constantFrom(...PROVIDERS), text: body })
  .map(({ key, provider, text }) => {
    const hex = createHmac('sha256', key).update(text).digest('hex')
    return {
      method: 'POST',
      path: `/hooks/${provider}`,
      headers: { ...githubHeaders(text, key), 'x-gitea-signature': hex, 'x-hub-signature': `sha256=${hex}`, 'x-gitlab-token': hex },
      body: text,
    }
  })
const framed = fc.oneof(wild, spoiled, wrongKey)

/** Bytes that are not even HTTP, or claim what they do not keep. */
const raw: fc.Arbitrary<Buffer> = fc
  .record({
    request: wild,
    at: fc.nat(400),
    insert: fc.oneof(
      fc.constantFrom(
        '\r\n',
        '\n',
        '\0',
        ' ',
        ':',
        'Content-Length: 5\r\n',
        'Transfer-Encoding: chunked\r\n',
        '\r\n\r\nGET / HTTP/1.1\r\n\r\n',
        '\u00ff',
      ),
      fc.string({ unit: 'binary', maxLength: 20 }),
    ),
    remove: fc.nat(30),
    cut: fc.nat(600),
  })
  .map(({ request, at, insert, remove, cut }) => {
    const bytes = encode(request)
    const where = at % bytes.length
    return Buffer.concat([bytes.subarray(0, where), Buffer.from(insert, 'latin1'), bytes.subarray(where + remove)]).subarray(
      0,
      40 + cut * 3,
    )
  })

function encode({ method, path: target, headers, body: bytes }: Hostile): Buffer {
  const lines = Object.entries(headers).map(([name, text]) => `${name}: ${text}\r\n`)
  return Buffer.concat([
    Buffer.from(
      `${method} ${target.replaceAll(/\s/g, '%20')} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${bytes.length}\r\n${lines.join('')}\r\n`,
      'latin1',
    ),
    bytes,
  ])
}

export interface Attack {
  readonly requests: number
  /** How often each status came back; 0: the connection was closed without one. */
  readonly statuses: ReadonlyMap<number, number>
  /** Answers 5xx that are no 503 with Retry-After or with a fix: the head of each. */
  readonly failures: readonly string[]
}

const BATCH = 2_000
const CONNECTIONS = 16

/** Sends so many hostile requests to a server on loopback: nine of ten framed as HTTP wants it, one of ten not. The seed repeats them. */
export async function attack(
  port: number,
  { requests, seed, onBatch }: { requests: number; seed: number; onBatch?: (sent: number) => Promise<void> },
): Promise<Attack> {
  const statuses = new Map<number, number>()
  const failures: string[] = []
  const note = (answers: readonly string[], expected: number): void => {
    for (const head of answers) {
      const status = Number(head.slice(9, 12))
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      if (status >= 500 && !(status === 503 && /retry-after/i.test(head))) failures.push(head)
    }
    if (answers.length < expected) statuses.set(0, (statuses.get(0) ?? 0) + expected - answers.length)
  }
  for (let sent = 0; sent < requests;) {
    const size = Math.min(BATCH, requests - sent)
    const wires = fc.sample(framed, { numRuns: Math.ceil(size * 0.9), seed: seed + sent }).map(encode)
    const bytes = fc.sample(raw, { numRuns: size - wires.length, seed: seed + sent })
    const lanes = Array.from({ length: CONNECTIONS }, async () => {
      for (let wire = wires.pop(); wire !== undefined; wire = wires.pop()) {
        const pipelined = [wire, ...wires.splice(-9)]
        note(await exchange(port, pipelined), pipelined.length)
      }
      for (let wire = bytes.pop(); wire !== undefined; wire = bytes.pop()) note(await exchange(port, [wire]), 1)
    })
    await Promise.all(lanes)
    sent += size
    await onBatch?.(sent)
  }
  return { requests, statuses, failures }
}

/** Sends requests on one connection, each when the one before was answered, and resolves with the heads of the answers. */
async function exchange(port: number, wires: readonly Buffer[]): Promise<readonly string[]> {
  const { promise, resolve } = Promise.withResolvers<readonly string[]>()
  const heads: string[] = []
  const socket: Socket = connect(port, '127.0.0.1')
  let next = 0
  let text = ''
  const send = (): void => {
    const wire = wires[next++]
    if (wire === undefined) socket.end()
    else socket.write(wire)
  }
  socket.setTimeout(2_000, () => socket.destroy())
  socket.setEncoding('latin1')
  socket.on('connect', () => {
    send()
    // What is cut short would wait for the rest: the end of the sender's half tells that there is none.
    if (wires.length === 1) socket.end()
  })
  socket.on('data', (data: string) => {
    text += data
    for (let answer = takeAnswer(text); answer !== undefined; answer = takeAnswer(text)) {
      text = text.slice(answer.length)
      heads.push(answer.head)
      send()
    }
    // Answers without an end: events, or a body that nobody announced.
    if (text.length > 100_000 || /^HTTP\/1\.1 \d+[^]*?text\/event-stream/i.test(text)) socket.destroy()
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    const head = /^HTTP\/1\.1 \d{3}[^]*?\r\n\r\n/.exec(text)?.[0]
    resolve(head === undefined ? heads : [...heads, head])
  })
  return promise
}

/** The first whole answer in what has come so far. */
function takeAnswer(text: string): { readonly head: string; readonly length: number } | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = text.slice(0, end + 4)
  const announced = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
  if (/^HTTP\/1\.1 (?:1\d\d|204|304)/.test(head)) return { head, length: head.length }
  if (announced !== undefined)
    return text.length >= head.length + Number(announced) ? { head, length: head.length + Number(announced) } : undefined
  const chunked = text.indexOf('\r\n0\r\n\r\n', end)
  return chunked < 0 ? undefined : { head, length: chunked + 7 }
}
