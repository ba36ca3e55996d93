import type { Request, RequestHandler, Response } from 'express'
import { may, mayEverywhere, maySomewhere, RIGHTS, type Principal, type Right } from '../model/access.ts'
import type { CurrentConfiguration } from '../model/configuration.ts'
import type { Ledger } from '../model/intake.ts'
import type { AddressOf, FailureLimit } from './failure-limit.ts'
import { refuse, refuseMalformed, refuseUnknown, type Refusal } from './refusal.ts'
import { needOf } from './rights.ts'
import type { TokenBook } from './tokens.ts'
import { createView, placeOf, type View, type ViewOf } from './view.ts'

interface Credential {
  readonly scheme: 'basic' | 'bearer'
  readonly token: string
}

const CLOSED = {
  code: 'no-api-token',
  message: 'No API token is configured, so API, status page, queues and metrics are closed.',
  fix: 'Set GITWAKE_API_TOKEN to a random secret (openssl rand -hex 24) and restart gitwake, or add a Token to the configuration.',
}
const UNKNOWN = {
  code: 'unauthorized',
  message: 'A valid API token is needed.',
  fix: 'Send "Authorization: Bearer TOKEN" with a value of GITWAKE_API_TOKEN or the token of a Token document; in a browser, enter it as the password with any user name.',
}
const FOREIGN = {
  code: 'cross-origin',
  message: 'This request changes something and was made by another site.',
  fix: 'Use the pages of gitwake itself, or send the token as "Authorization: Bearer". A proxy must leave the Host header as it is.',
}

/** The door of API and pages. */
export interface Access {
  readonly guard: RequestHandler
  readonly viewOf: ViewOf
}

/**
 * Lets through who has a token with the right that the route needs: as Bearer, or as the password of HTTP Basic (any user name), which is what a
 * browser can do. A browser sends Basic credentials along on behalf of other sites too, so with them only requests of our
 * own pages may change anything. Without any token everything is closed.
 */
export function createAccess(options: {
  readonly tokens: TokenBook
  readonly configuration: CurrentConfiguration
  readonly ledger: Ledger
  readonly failures: FailureLimit
  readonly addressOf: AddressOf
}): Access {
  const { tokens, configuration, ledger, failures: limit, addressOf } = options
  const views = new WeakMap<object, View>()

  const guard: RequestHandler = async (request, response, next) => {
    if (tokens.isEmpty()) return refuse(request, response, 503, CLOSED)
    const address = addressOf(request)
    const blockedForMs = await limit.blockedForMs(address)
    if (blockedForMs > 0) return refuseGuesses(request, response, blockedForMs)
    const credential = credentialOf(request)
    const principal = credential && (await tokens.principalOf(credential.token))
    if (credential === undefined || principal === undefined) {
      // A browser asks once without credentials to learn how: that is no guess.
      if (credential) limit.failed(address)
      response.set('WWW-Authenticate', ['Basic realm="gitwake", charset="UTF-8"', 'Bearer realm="gitwake"'])
      return refuse(request, response, 401, UNKNOWN)
    }
    if (credential.scheme === 'basic' && !isSafe(request.method) && !isSameOrigin(request)) return refuse(request, response, 403, FOREIGN)
    const view = createView(principal, configuration, ledger)
    views.set(request, view)
    response.locals['principal'] = principal
    const verdict = judge(request, view)
    if (verdict === 'allowed') next()
    else if (verdict === 'unknown') refuseUnknown(request, response)
    else if (verdict === 'malformed') refuseMalformed(request, response)
    else refuse(request, response, 403, verdict)
  }

  return {
    guard,
    viewOf(request) {
      const view = views.get(request)
      if (view === undefined) throw new Error('a route in front of the door asked who is behind it')
      return view
    },
  }
}

/** An application that may not be read is as unknown as one that does not exist; of one that may be read, what is missing can be told. */
function judge(request: Request, { principal, applicationOf }: View): 'allowed' | 'unknown' | 'malformed' | Refusal {
  const need = needOf(request.method, request.path, request.query)
  if (need === undefined) return 'unknown'
  if (need === 'malformed') return need
  const { right, about } = need
  if (about === 'something') return maySomewhere(principal, right) ? 'allowed' : forbidden(principal, right)
  if (about === 'everything') return mayEverywhere(principal, right) ? 'allowed' : forbidden(principal, right, 'every application')
  const application = applicationOf(need.application)
  if (application === undefined) return 'unknown'
  return may(principal, right, placeOf(application)) ? 'allowed' : forbidden(principal, right, application.name)
}

function forbidden({ name }: Principal, right: Right, what = 'anything'): Refusal {
  const more = RIGHTS.slice(RIGHTS.indexOf(right)).join(' or ')
  return {
    code: 'forbidden',
    message: `${name} has no right to ${right} ${what === 'anything' ? what : `(${what})`}.`,
    fix: `It needs allow: ${more}, for ${what === 'anything' ? 'some application' : what}, in its document in the configuration.`,
  }
}

function refuseGuesses(request: Request, response: Response, blockedForMs: number): void {
  const seconds = Math.ceil(blockedForMs / 1_000)
  response.set('Retry-After', String(seconds))
  refuse(request, response, 429, {
    code: 'too-many-failures',
    message: 'Too many wrong tokens came from this address.',
    fix: `Wait ${seconds} s, then send a valid token.`,
  })
}

function credentialOf(request: Request): Credential | undefined {
  const [, scheme, value] = /^(bearer|basic) +(\S+)$/i.exec(request.headers.authorization ?? '') ?? []
  if (scheme === undefined || value === undefined) return undefined
  if (scheme.toLowerCase() === 'bearer') return { scheme: 'bearer', token: value }
  const pair = Buffer.from(value, 'base64').toString('utf8')
  return { scheme: 'basic', token: pair.slice(pair.indexOf(':') + 1) }
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
