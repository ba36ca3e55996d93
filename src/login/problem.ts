import { GitwakeError } from '../model/error.ts'
import type { LoginRefusal } from '../model/login.ts'

const AGAIN = 'Log in again.'
const ASK = 'Ask whoever runs gitwake to look into its log and at its Login document.'

/** A code of OAuth: everything else that comes back in an address was written by whoever made the link. */
const OAUTH_CODE = /^[a-z_]{1,40}$/

export const EXPIRED: LoginRefusal = {
  code: 'login-expired',
  message: 'This login has expired, was completed already, or began in another browser or tab.',
  fix: AGAIN,
  status: 400,
}

/**
 * What to say of a login that went wrong. The message tells what kind of mistake it is and names nothing but the provider; what it was exactly is in
 * `detail`, for the log: codes and claims, never tokens.
 */
export function problemOfLogin(error: unknown, title: string): LoginRefusal {
  const { code, cause, detail } = described(error)
  const outgoing = [error, Reflect.get(Object(error), 'cause')].find((one) => one instanceof GitwakeError)
  if (outgoing?.code === 'secret-missing')
    return { ...wrong('login-no-secret', `gitwake lacks the secret that it needs at ${title}.`, detail), status: 503 }
  if (outgoing?.retryable === true || code === 'OAUTH_TIMEOUT' || code === 'OAUTH_ABORT') return unreachable(title, detail)
  // The browser brought back an error, or what no login of ours began.
  if (nameOf(error) === 'AuthorizationResponseError') return deniedBy(title, error, detail)
  if (nameOf(error) === 'ResponseBodyError') return tokenRefused(title, error, detail)
  if (nameOf(error) === 'WWWAuthenticateChallengeError') return challenged(title, cause, detail)
  switch (code) {
    case 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED':
      return wrong(
        'login-clock',
        `What ${title} signed is not valid at this time: its clock and ours differ.`,
        detail,
        'Set both clocks by NTP, then log in again.',
      )
    case 'OAUTH_JWT_CLAIM_COMPARISON_FAILED':
      return wrong('login-wrong-token', claimMessage(title, cause), detail)
    case 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED':
      return field(cause, 'attribute') === 'issuer' ? otherIssuer(title, detail) : notAccepted(title, detail)
    case 'OAUTH_RESPONSE_IS_NOT_CONFORM':
    case 'OAUTH_RESPONSE_IS_NOT_JSON':
    case 'OAUTH_PARSE_ERROR':
      return wrong('login-wrong-answer', `${title} does not answer as an OpenID provider.`, detail)
    default:
      return notAccepted(title, detail)
  }
}

function unreachable(title: string, detail: string): LoginRefusal {
  const fix = 'Try again in a moment; where it stays so, ask whoever runs gitwake to look into its log.'
  return { code: 'provider-unreachable', message: `${title} cannot be reached at the moment.`, fix, status: 503, detail }
}

function deniedBy(title: string, error: unknown, detail: string): LoginRefusal {
  const code = field(error, 'error')
  const shown = OAUTH_CODE.test(code) ? code : 'an error'
  return { code: 'login-denied', message: `${title} did not let you in (${shown}).`, fix: AGAIN, status: 403, detail }
}

function tokenRefused(title: string, error: unknown, detail: string): LoginRefusal {
  const code = field(error, 'error')
  if (code === 'invalid_grant') return { ...EXPIRED, detail }
  if (code === 'invalid_client' || code === 'unauthorized_client') return wrong('login-wrong-client', wrongClient(title), detail)
  return wrong('login-not-accepted', `${title} did not complete the login.`, detail)
}

/** At the token endpoint it is the client that is unknown, at the user info the token. */
function challenged(title: string, cause: unknown, detail: string): LoginRefusal {
  const challenges: readonly unknown[] = Array.isArray(cause) ? cause : []
  const codes = challenges.map((challenge) => field(Reflect.get(Object(challenge), 'parameters'), 'error'))
  if (codes.includes('invalid_token')) return wrong('login-not-accepted', `${title} did not say who logged in.`, detail)
  return wrong('login-wrong-client', wrongClient(title), detail)
}

function wrongClient(title: string): string {
  return `${title} does not accept the client id or the secret of gitwake.`
}

function claimMessage(title: string, cause: unknown): string {
  const claim = field(cause, 'claim')
  const words: Readonly<Record<string, string>> = {
    aud: 'is for another client than gitwake',
    azp: 'is for another client than gitwake',
    iss: 'is from another issuer than its Login document names',
    nonce: 'belongs to another login',
  }
  return `The ID token of ${title} ${words[claim] ?? 'is not what was asked for'}.`
}

function otherIssuer(title: string, detail: string): LoginRefusal {
  const fix = 'Write spec.issuer exactly as the provider does, including the slash at its end.'
  return wrong('login-wrong-issuer', `${title} names another issuer than its Login document.`, detail, fix)
}

function notAccepted(title: string, detail: string): LoginRefusal {
  return wrong('login-not-accepted', `What ${title} answered was not accepted.`, detail)
}

function wrong(code: string, message: string, detail: string, fix = ASK): LoginRefusal {
  return { code, message, fix, status: 502, detail }
}

/** The errors of openid-client carry what they are about in causes, beside tokens: only codes, names and short values are taken out. */
function described(error: unknown): { readonly code: string; readonly cause: unknown; readonly detail: string } {
  const code = field(error, 'code')
  const outer: unknown = Reflect.get(Object(error), 'cause')
  const cause: unknown = Reflect.get(Object(outer), 'cause') ?? outer
  const parts = [
    field(error, 'message'),
    field(outer, 'message'),
    field(error, 'error'),
    field(cause, 'claim'),
    field(cause, 'reason'),
    field(cause, 'code'),
    field(cause, 'alg'),
    field(Reflect.get(Object(cause), 'header'), 'alg'),
  ]
  return { code, cause, detail: [...new Set(parts.filter((part) => part !== ''))].join(': ').slice(0, 500) }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : ''
}

function field(value: unknown, name: string): string {
  const found: unknown = Reflect.get(Object(value), name)
  return typeof found === 'string' ? found : ''
}
