import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { Dispatcher } from 'undici'
import { answerTooLarge, timedOut, unreachable } from './no-answer.ts'
import type { ServerClock } from './server-clock.ts'
import type { Session } from './session.ts'
import { AnswerTooLarge, AnswerTooLate, NotSent, readWhole } from './whole-answer.ts'

export type Query = Readonly<Record<string, string | number | boolean | undefined>>

export interface StreamRequest {
  /** Encoded, from the root: `/apis/apps/v1/namespaces/shop/deployments/api`. */
  readonly path: string
  readonly query?: Query
  readonly accept?: string
  readonly signal: AbortSignal
}

export interface ApiRequest extends StreamRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly body?: string
  readonly contentType?: string
  /** Further headers, such as an impersonated user. */
  readonly headers?: Readonly<Record<string, string>>
  /** For one attempt, answer included; 30 s unless told. */
  readonly timeoutMs?: number
  /** May be sent again when its answer was lost; unless told, that is so for GET. */
  readonly idempotent?: boolean
  /** Does not wait behind other requests: for what keeps a right alive. */
  readonly urgent?: boolean
  /**
   * Called before every attempt, and once more when it has its connection, which may have taken a while: what it throws ends the request unsent.
   * The lease guard stands here.
   */
  readonly beforeRequest?: () => void
}

export interface ApiResponse {
  readonly status: number
  /** That of the request. */
  readonly path: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string
}

export interface ApiStream {
  readonly status: number
  readonly path: string
  readonly headers: ApiResponse['headers']
  /** The whole answer where the status is 400 or above, else ''. */
  readonly text: string
  readonly body: AsyncIterable<Buffer>
  /** Ends the answer; the connection with it. */
  readonly close: () => void
}

/** One request on the wire and its answer, without any second try. */
export interface Exchange {
  readonly request: (session: Session, request: ApiRequest) => Promise<ApiResponse>
  readonly stream: (session: Session, request: StreamRequest) => Promise<ApiStream>
}

const DEFAULT_TIMEOUT_MS = 30_000
const MAX_ANSWER_BYTES = 256 * 1024 * 1024
const unzip = promisify(gunzip)

export function createExchange(name: string, clock: ServerClock, userAgent: string): Exchange {
  /** What every answer's head tells: its headers flat, and the server's clock. */
  function headOf(answered: Dispatcher.ResponseData['headers'], sentAt: number): ApiResponse['headers'] {
    const headers = flatHeaders(answered)
    clock.observe(headers['date'], sentAt, performance.now())
    return headers
  }

  function explain(error: unknown, request: ApiRequest, timeoutMs: number): unknown {
    if (request.signal.aborted) return request.signal.reason
    if (error instanceof NotSent) return error.reason
    if (error instanceof AnswerTooLate) return timedOut(name, request, timeoutMs)
    return error instanceof AnswerTooLarge ? answerTooLarge(name, request) : unreachable(name, request, error)
  }

  return {
    async request(session, request) {
      const timeoutMs = request.timeoutMs ?? DEFAULT_TIMEOUT_MS
      try {
        const sentAt = performance.now()
        const limits = { signal: request.signal, timeoutMs, mostBytes: MAX_ANSWER_BYTES, beforeSent: request.beforeRequest }
        const answer = await readWhole(session.dispatcher, wireRequest(session, request, userAgent), limits)
        const headers = headOf(answer.headers, sentAt)
        return { status: answer.status, path: request.path, headers, text: await textOf(answer.bytes, headers['content-encoding']) }
      } catch (error) {
        throw explain(error, request, timeoutMs)
      }
    },
    async stream(session, streamRequest) {
      const request: ApiRequest = { ...streamRequest, method: 'GET' }
      const limited = limitTime(request.signal, DEFAULT_TIMEOUT_MS)
      try {
        const sentAt = performance.now()
        const answer = await session.dispatcher.request({ ...wireRequest(session, request, userAgent), signal: limited.signal })
        const { statusCode: status, body } = answer
        const headers = headOf(answer.headers, sentAt)
        const text = status >= 400 ? await textOf(await collect(body), headers['content-encoding']) : ''
        // Only the head of the answer has a deadline; the signal goes on until the body ends.
        limited.lift()
        body.once('close', limited.end)
        return {
          status,
          path: request.path,
          headers,
          text,
          body,
          close: () => void body.on('error', () => undefined).destroy(),
        }
      } catch (error) {
        limited.end()
        throw explain(limited.expired() ? new AnswerTooLate() : error, request, DEFAULT_TIMEOUT_MS)
      }
    },
  }
}

/** The path goes to the wire as it is: a name that could climb out of its place must never get this far. Throws TypeError. */
export function assertPath(path: string): void {
  if (!path.startsWith('/') || /[\s?#]|\/\.{0,2}(\/|$)/.test(path)) throw new TypeError(`Not a path: ${path}`)
}

function wireRequest(session: Session, request: ApiRequest, userAgent: string): Dispatcher.DispatchOptions {
  const path = session.basePath + request.path + queryText(request.query)
  return {
    origin: session.origin,
    path,
    method: request.method,
    ...(request.body !== undefined && { body: request.body }),
    headers: {
      ...(request.headers?.['impersonate-user'] === undefined ? session.headers : withoutImpersonation(session.headers)),
      ...request.headers,
      'user-agent': userAgent,
      accept: request.accept ?? 'application/json',
      ...(request.method === 'GET' && { 'accept-encoding': 'gzip' }),
      ...(request.body !== undefined && {
        'content-type': request.contentType ?? 'application/json',
      }),
    },
  }
}

/** Whom a request names is taken alone: with the groups of the kubeconfig's own impersonation it would have their rights, too. */
function withoutImpersonation(headers: Session['headers']): Session['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('impersonate-')))
}

// Two loops that every request runs: built by way of pairs, they took a tenth of the time of a request.
function queryText(query: Query = {}): string {
  let text = ''
  for (const key in query) {
    const value = query[key]
    if (value !== undefined) text += `${text === '' ? '?' : '&'}${encodeURIComponent(key)}=${encodeURIComponent(value)}`
  }
  return text
}

function flatHeaders(headers: Dispatcher.ResponseData['headers']): Record<string, string | undefined> {
  const flat: Record<string, string | undefined> = {}
  for (const key in headers) {
    const value = headers[key]
    flat[key] = Array.isArray(value) ? value.join(', ') : value
  }
  return flat
}

/** The body of a refusal, where a stream was asked for. */
async function collect(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > MAX_ANSWER_BYTES) throw new AnswerTooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

async function textOf(bytes: Buffer, encoding: string | undefined): Promise<string> {
  if (encoding !== 'gzip') return bytes.toString('utf8')
  try {
    return (await unzip(bytes, { maxOutputLength: MAX_ANSWER_BYTES })).toString('utf8')
  } catch (error) {
    throw error instanceof RangeError ? new AnswerTooLarge() : error
  }
}

interface TimeLimit {
  readonly signal: AbortSignal
  /** Whether it was the time that ran out. */
  readonly expired: () => boolean
  /** No deadline any more. */
  readonly lift: () => void
  /** Leaves no listener behind. */
  readonly end: () => void
}

/** Like AbortSignal.any with a timeout, without leaving a listener on a signal that lives long. */
function limitTime(signal: AbortSignal, timeoutMs: number): TimeLimit {
  const controller = new AbortController()
  let expired = false
  const abort = (): void => controller.abort(signal.reason)
  const timer = setTimeout(() => {
    expired = true
    controller.abort()
  }, timeoutMs)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  return {
    signal: controller.signal,
    expired: () => expired,
    lift: () => clearTimeout(timer),
    end() {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    },
  }
}
