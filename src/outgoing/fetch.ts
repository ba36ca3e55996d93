import type { errors as undiciErrors } from 'undici'
import { GitwakeError } from '../model/error.ts'
import { createResolve, lookupBy, type Resolve } from './resolve.ts'
import { urlProblem } from './url.ts'

/** `fetch` for small answers of hosts that the configuration names. */
export type OutgoingFetch = (url: string, init?: RequestInit) => Promise<Response>

export interface OutgoingOptions {
  /** Opens http, this machine and its link: the document that names the host says so. */
  readonly allowInsecure: boolean
  /** An answer that is larger is refused. */
  readonly maxBytes: number
  /** From the name's resolution to the last byte. */
  readonly timeoutMs: number
  /** For tests. */
  readonly resolve?: Resolve
}

const BODILESS = [204, 205, 304]

/**
 * The one way out to a URL of the configuration, besides git's own: judged as text and again at the moment of connecting, over TLS, without following
 * redirects, without proxies, with limits of time and size. Each request has a connection of its own, so that nobody has to close anything.
 * Throws GitwakeError `url-refused`, `address-refused`, `host-not-found`, `host-unreachable`, `answer-too-large`, or the reason of the request's signal.
 */
export function createOutgoingFetch(options: OutgoingOptions): OutgoingFetch {
  const { allowInsecure, maxBytes, timeoutMs, resolve = createResolve() } = options
  const lookup = lookupBy(resolve, allowInsecure)

  return async (url, init = {}) => {
    const problem = urlProblem(url, allowInsecure)
    if (problem !== undefined) throw refused(url, problem)
    // Most processes never fetch anything: it is loaded by those that do.
    const { Agent, errors } = await import('undici')
    const asked = new Request(url, init)
    const { origin, pathname, search } = new URL(url)
    const agent = new Agent({ connect: { timeout: timeoutMs, lookup }, maxResponseSize: maxBytes })
    try {
      const sent = Buffer.from(await asked.arrayBuffer())
      const { statusCode, headers, body } = await agent.request({
        origin,
        path: pathname + search,
        method: asked.method,
        headers: Object.fromEntries(asked.headers),
        body: sent.length > 0 ? sent : null,
        signal: AbortSignal.any([asked.signal, AbortSignal.timeout(timeoutMs)]),
      })
      const received = await body.arrayBuffer()
      return new Response(BODILESS.includes(statusCode) ? null : received, { status: statusCode, headers: pairsOf(headers) })
    } catch (error) {
      asked.signal.throwIfAborted()
      throw error instanceof GitwakeError ? error : failed(origin, error, options, errors)
    } finally {
      await agent.destroy()
    }
  }
}

function pairsOf(headers: Readonly<Record<string, string | readonly string[] | undefined>>): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) => [value ?? []].flat().map((one): [string, string] => [name, one]))
}

function refused(url: string, problem: string): GitwakeError {
  const shown = URL.parse(url)?.host ?? 'a URL'
  return new GitwakeError('url-refused', `nothing is fetched from ${shown}: it ${problem}`, {
    fix: 'Correct it where the configuration names it.',
  })
}

function failed(origin: string, cause: unknown, { maxBytes, timeoutMs }: OutgoingOptions, errors: typeof undiciErrors): GitwakeError {
  if (cause instanceof errors.ResponseExceededMaxSizeError)
    return new GitwakeError('answer-too-large', `${origin} answers with more than ${maxBytes} bytes`, {
      fix: 'Check what is behind this address.',
      cause,
    })
  const timedOut = cause instanceof Error && cause.name === 'TimeoutError'
  const why = timedOut ? `no whole answer within ${timeoutMs / 1000} s` : cause instanceof Error ? cause.message : String(cause)
  return new GitwakeError('host-unreachable', `${origin} cannot be reached: ${why}`, {
    fix: 'Check that the host is up and reachable from here, and that its certificate is one that this process trusts (NODE_EXTRA_CA_CERTS adds authorities).',
    retryable: true,
    cause,
  })
}
