import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../model/log.ts'
import type { RequestLimit } from '../model/configuration.ts'
import { GitwakeError } from '../model/error.ts'
import { createSemaphore } from '../model/semaphore.ts'
import { createBucket } from './bucket.ts'
import { isScopedRefusal } from './errors.ts'
import { assertPath, createExchange, type ApiRequest, type ApiResponse, type ApiStream, type StreamRequest } from './exchange.ts'
import { busy } from './no-answer.ts'
import type { ServerClock } from './server-clock.ts'
import type { Sessions } from './session.ts'
import { createThrottle, retryAfterMs, type Pass } from './throttle.ts'

export type { ApiRequest, ApiResponse, ApiStream, StreamRequest } from './exchange.ts'

export interface RequesterOptions {
  readonly name: string
  readonly sessions: Sessions
  readonly clock: ServerClock
  readonly log: Log
  readonly userAgent: string
  readonly concurrency: number
  readonly limit: RequestLimit | undefined
  readonly patienceMs: number
}

export interface Requester {
  readonly request: (request: ApiRequest) => Promise<ApiResponse>
  readonly stream: (request: StreamRequest) => Promise<ApiStream>
}

const LOST_CONNECTION_RETRIES = 3

/** Requests that honour what the server asks for: pauses, bounds, fresh credentials. */
export function createRequester(options: RequesterOptions): Requester {
  const { name, sessions, log } = options
  const exchange = createExchange(name, options.clock, options.userAgent)
  const throttle = createThrottle()
  const semaphore = createSemaphore(options.concurrency)
  const bucket = createBucket(options.limit)

  /** Asks until the server takes the request or patience is over; then the last answer stands. */
  async function patiently<T extends ApiResponse>(request: StreamRequest, attempt: () => Promise<T>): Promise<T> {
    assertPath(request.path)
    const deadline = performance.now() + options.patienceMs
    for (let renewed = false; ;) {
      const pass = await throttle.enter(deadline, request.signal)
      if (pass === undefined) throw busy(name)
      const answer = await settle(pass, attempt)
      const pauseMs = pauseAfter(answer)
      if (pauseMs === undefined) {
        pass.accepted()
        // The token may have expired in between: once more, if there is a newer one.
        if (answer.status !== 401 || renewed || !(await sessions.renew())) return answer
        renewed = true
        continue
      }
      const scoped = isScopedRefusal(answer.text)
      if (scoped) pass.accepted()
      else pass.refused(pauseMs)
      log.debug({ cluster: name, path: request.path, status: answer.status, pauseMs }, 'the API server asks for a pause')
      if (performance.now() + pauseMs > deadline) return answer
      if (scoped) await sleep(pauseMs, request.signal)
    }
  }

  /** Lost connections are tried again where that is harmless. */
  async function persistently(request: ApiRequest): Promise<ApiResponse> {
    const retries = (request.idempotent ?? request.method === 'GET') ? LOST_CONNECTION_RETRIES : 0
    for (let attempt = 0; ; attempt++) {
      try {
        return await once(request)
      } catch (error) {
        if (!isLostConnection(error) || attempt >= retries) throw error
        await sleep(100 * 4 ** attempt, request.signal)
      }
    }
  }

  async function once(request: ApiRequest): Promise<ApiResponse> {
    // Only what is written under a Lease has something to ask before it leaves.
    const release = await semaphore.acquire(request.signal, {
      urgent: request.urgent === true,
      holding: request.beforeRequest !== undefined,
    })
    try {
      await bucket.take(request.signal, request.urgent === true)
      const session = await sessions.current()
      request.beforeRequest?.()
      return await exchange.request(session, request)
    } finally {
      release()
    }
  }

  return {
    request: (request) => patiently(request, () => persistently(request)),
    stream: (request) => patiently(request, async () => exchange.stream(await sessions.current(), request)),
  }
}

/** A probe that got no answer must make room for the next one. */
async function settle<T>(pass: Pass, attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt()
  } catch (error) {
    pass.abandoned()
    throw error
  }
}

function pauseAfter({ status, headers }: ApiResponse): number | undefined {
  const asked = retryAfterMs(headers['retry-after'], Date.now())
  if (status === 429) return asked ?? 1000
  // Without the header a 503 is an aggregated API whose server is away: the others are well.
  return status === 503 ? asked : undefined
}

/** A timer's AbortError says nothing; the reason of the signal does. */
async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => signal.throwIfAborted())
}

function isLostConnection(error: unknown): boolean {
  return error instanceof GitwakeError && error.code === 'cluster-unreachable'
}
