import { createHash, timingSafeEqual } from 'node:crypto'
import type { Request, RequestHandler } from 'express'
import { createFailureLimit } from './failure-limit.ts'
import { refuse } from './refusal.ts'

interface Credential {
  readonly scheme: 'basic' | 'bearer'
  readonly token: string
}

const CLOSED = {
  code: 'no-api-token',
  message: 'No API token is configured, so API, status page, queues and metrics are closed.',
  fix: 'Set GITWAKE_API_TOKEN to a random secret (openssl rand -hex 24) and restart gitwake.',
}
const UNKNOWN = {
  code: 'unauthorized',
  message: 'A valid API token is needed.',
  fix: 'Send "Authorization: Bearer TOKEN" with a value of GITWAKE_API_TOKEN; in a browser, enter it as the password with any user name.',
}
const FOREIGN = {
  code: 'cross-origin',
  message: 'This request changes something and was made by another site.',
  fix: 'Use the pages of gitwake itself, or send the token as "Authorization: Bearer". A proxy must leave the Host header as it is.',
}

/**
 * Lets through who knows one of the tokens: as Bearer, or as the password of HTTP Basic (any user name), which is what a
 * browser can do. A browser sends Basic credentials along on behalf of other sites too, so with them only requests of our
 * own pages may change anything. Without a token everything is closed.
 */
export function requireToken(options: { tokens: readonly string[]; now: () => number }): RequestHandler {
  const known = options.tokens.map(digest)
  const limit = createFailureLimit({ burst: 30, refillMs: 2_000, addresses: 10_000, now: options.now })

  return (request, response, next) => {
    if (known.length === 0) return refuse(request, response, 503, CLOSED)
    const address = request.socket.remoteAddress ?? ''
    const blockedForMs = limit.blockedForMs(address)
    if (blockedForMs > 0) {
      const seconds = Math.ceil(blockedForMs / 1_000)
      response.set('Retry-After', String(seconds))
      return refuse(request, response, 429, {
        code: 'too-many-failures',
        message: 'Too many wrong tokens came from this address.',
        fix: `Wait ${seconds} s, then send a valid token.`,
      })
    }
    const credential = credentialOf(request)
    if (!credential || !isKnown(known, credential.token)) {
      // A browser asks once without credentials to learn how: that is no guess.
      if (credential) limit.failed(address)
      response.set('WWW-Authenticate', ['Basic realm="gitwake", charset="UTF-8"', 'Bearer realm="gitwake"'])
      return refuse(request, response, 401, UNKNOWN)
    }
    if (credential.scheme === 'basic' && !isSafe(request.method) && !isSameOrigin(request)) return refuse(request, response, 403, FOREIGN)
    next()
  }
}

function credentialOf(request: Request): Credential | undefined {
  const [, scheme, value] = /^(bearer|basic) +(\S+)$/i.exec(request.headers.authorization ?? '') ?? []
  if (scheme === undefined || value === undefined) return undefined
  if (scheme.toLowerCase() === 'bearer') return { scheme: 'bearer', token: value }
  const pair = Buffer.from(value, 'base64').toString('utf8')
  return { scheme: 'basic', token: pair.slice(pair.indexOf(':') + 1) }
}

/** Compares digests of equal length with every token, so that neither length nor position of a difference shows in the time taken. */
function isKnown(known: readonly Buffer[], token: string): boolean {
  const presented = digest(token)
  let matches = 0
  for (const one of known) matches += timingSafeEqual(one, presented) ? 1 : 0
  return matches > 0
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

export function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
}

/** Refuses what another site's page embeds or fetches: for reads that cost something. Links from elsewhere are followed. */
export const refuseEmbedding: RequestHandler = (request, response, next) => {
  const embedded = request.headers['sec-fetch-site'] === 'cross-site' && request.headers['sec-fetch-dest'] !== 'document'
  if (embedded) return refuse(request, response, 403, { ...FOREIGN, message: 'This request makes work and was made by another site.' })
  next()
}

/** Browsers name the site a request comes from; programs such as curl name none, and are steered by nobody else. */
function isSameOrigin(request: Request): boolean {
  const site = request.headers['sec-fetch-site']
  if (site !== undefined) return site === 'same-origin'
  const { origin } = request.headers
  if (origin === undefined) return true
  return URL.canParse(origin) && new URL(origin).host === request.headers.host
}
