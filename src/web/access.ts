import type { Request, RequestHandler, Response } from 'express'
import { safeReturnPath } from '../model/return-path.ts'
import { may, mayEverywhere, maySomewhere, RIGHTS, type Principal, type Right } from '../model/access.ts'
import type { CurrentConfiguration } from '../model/configuration.ts'
import type { Ledger } from '../model/intake.ts'
import type { AddressOf, FailureLimit } from './failure-limit.ts'
import { readCookie } from './cookies.ts'
import { refuse, refuseMalformed, refuseUnknown, wantsPage, type Refusal } from './refusal.ts'
import { FOREIGN, isSafe, isSameOrigin } from './same-origin.ts'
import type { Logins } from '../model/login.ts'
import { needOf } from './rights.ts'
import type { TokenBook } from './tokens.ts'
import type { Witness } from './witness.ts'
import { createView, placeOf, type View, type ViewOf } from './view.ts'

/** How a request says whose it is: by a token, or by the cookie of a session. */
type Credential =
  | { readonly scheme: 'basic' | 'bearer'; readonly token: string }
  | { readonly scheme: 'session'; readonly cookie: string; readonly secure: boolean }

const CLOSED = {
  code: 'no-api-token',
  message: 'No API token is configured, so API, status page, queues and metrics are closed.',
  fix: 'Set GITWAKE_API_TOKEN to a random secret (openssl rand -hex 24) and restart gitwake, or add a Token or a Login to the configuration.',
}
const UNKNOWN = {
  code: 'unauthorized',
  message: 'A valid API token is needed.',
  fix: 'Send "Authorization: Bearer TOKEN" with a value of GITWAKE_API_TOKEN or the token of a Token document; in a browser, enter it as the password with any user name.',
}
/** Where a browser is asked for a token although people log in; of the root, so that it sends the token to every path from then on. */
const TOKEN_PATH = '/token'

/** The door of API and pages. */
export interface Access {
  readonly guard: RequestHandler
  readonly viewOf: ViewOf
}

/**
 * Lets through who has the right that the route needs: with a token as Bearer, or as the password of HTTP Basic (any user name), which is what a
 * browser can do; or with the session of somebody who logged in. A browser sends Basic credentials and cookies along on behalf of other sites too, so
 * with them only requests of our own pages may change anything. Without any token or provider everything is closed.
 */
export function createAccess(options: {
  readonly tokens: TokenBook
  readonly logins: Logins
  readonly configuration: CurrentConfiguration
  readonly ledger: Ledger
  readonly witness: Witness
  readonly failures: FailureLimit
  readonly addressOf: AddressOf
}): Access {
  const { tokens, logins, configuration, ledger, witness, failures: limit, addressOf } = options
  const views = new WeakMap<object, View>()

  const principalOf = async (credential: Credential): Promise<Principal | undefined> =>
    credential.scheme === 'session' ? logins.principalOf(credential.cookie, credential.secure) : tokens.principalOf(credential.token)

  const guard: RequestHandler = async (request, response, next) => {
    const people = logins.offers().length > 0
    if (tokens.isEmpty() && !people) return refuse(request, response, 503, CLOSED)
    const credential = credentialOf(request)
    const address = addressOf(request)
    // Who sends no token guesses none: people behind the same address still find the login.
    const isGuess = credential !== undefined && credential.scheme !== 'session'
    const blockedForMs = isGuess ? await limit.blockedForMs(address) : 0
    if (blockedForMs > 0) return refuseGuesses(request, response, blockedForMs)
    const principal = credential && (await principalOf(credential))
    if (credential === undefined || principal === undefined) {
      // A browser asks once without credentials to learn how, and a session that has ended was one: that is no guess.
      if (isGuess) {
        limit.failed(address)
        witness.tokenRefused(address)
      }
      return people ? refuseUnlessLoggedIn(request, response, credential) : refuseWithChallenge(request, response)
    }
    response.locals['principal'] = principal
    if (credential.scheme === 'basic') witness.tokenEntered(principal, address)
    const from = credential.scheme === 'session' ? 'browser' : 'anybody'
    if (credential.scheme !== 'bearer' && !isSafe(request.method) && !isSameOrigin(request, from))
      return refuse(request, response, 403, FOREIGN)
    if (request.path === TOKEN_PATH && isSafe(request.method)) return response.redirect(303, safeReturnPath(request.query['return']))
    const view = createView(principal, configuration, ledger)
    views.set(request, view)
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

function forbidden({ name, session }: Principal, right: Right, what = 'anything'): Refusal {
  const more = RIGHTS.slice(RIGHTS.indexOf(right)).join(' or ')
  return {
    code: 'forbidden',
    message: `${name} has no right to ${right} ${what === 'anything' ? what : `(${what})`}.`,
    fix: `${session ? 'A People document must name them with' : 'It needs'} allow: ${more}, for ${what === 'anything' ? 'some application' : what}${session ? '.' : ', in its document in the configuration.'}`,
  }
}

/** A browser then asks for user name and password. */
function refuseWithChallenge(request: Request, response: Response): void {
  response.set('WWW-Authenticate', ['Basic realm="gitwake", charset="UTF-8"', 'Bearer realm="gitwake"'])
  refuse(request, response, 401, UNKNOWN)
}

/**
 * Where people log in, a page leads there. A browser is asked for a password only by the path for that, or where it sent one: the scripts of
 * a page whose session has ended shall not open that dialogue.
 */
function refuseUnlessLoggedIn(request: Request, response: Response, credential: Credential | undefined): void {
  if (request.path === TOKEN_PATH || credential?.scheme === 'basic') return refuseWithChallenge(request, response)
  const isNavigation = (request.headers['sec-fetch-dest'] ?? 'document') === 'document'
  if (request.method === 'GET' && isNavigation && wantsPage(request))
    return response.redirect(303, `/login?${new URLSearchParams({ return: safeReturnPath(request.originalUrl) })}`)
  response.set('WWW-Authenticate', 'Bearer realm="gitwake"')
  refuse(request, response, 401, { ...UNKNOWN, fix: `${UNKNOWN.fix} People log in at /login.` })
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
  const { authorization } = request.headers
  if (authorization === undefined) {
    const session = readCookie(request, 'gitwake')
    return session && { scheme: 'session', cookie: session.value, secure: session.secure }
  }
  const [, scheme, value] = /^(bearer|basic) +(\S+)$/i.exec(authorization) ?? []
  if (scheme === undefined || value === undefined) return undefined
  if (scheme.toLowerCase() === 'bearer') return { scheme: 'bearer', token: value }
  const pair = Buffer.from(value, 'base64').toString('utf8')
  return { scheme: 'basic', token: pair.slice(pair.indexOf(':') + 1) }
}

/** Refuses what another site's page embeds or fetches: for reads that cost something. Links from elsewhere are followed. */
export const refuseEmbedding: RequestHandler = (request, response, next) => {
  const embedded = request.headers['sec-fetch-site'] === 'cross-site' && request.headers['sec-fetch-dest'] !== 'document'
  if (embedded) return refuse(request, response, 403, { ...FOREIGN, message: 'This request makes work and was made by another site.' })
  next()
}
