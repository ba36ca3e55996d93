import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from 'jose'
import type { IssuedTokens } from '../model/configuration.ts'
import { GitwakeError } from '../model/error.ts'
import type { Log } from '../model/log.ts'
import { createOutgoingFetch, type OutgoingFetch, type OutgoingOptions } from '../outgoing/fetch.ts'

type Place = Pick<IssuedTokens, 'issuer' | 'jwksUri' | 'allowInsecure'>

/** GitHub's document has 10 KB, its keys 6 KB; nobody has a hundred keys. */
const LARGEST_ANSWER = 256 * 1024
const MOST_KEYS = 100
const TIMEOUT_MS = 5_000
/** Keys are asked for again after ten minutes, and before that for an unknown key at most once in this time: whoever invents keys costs no more. */
const COOLDOWN_MS = 30_000
/** An issuer that failed is left alone for so long. */
const REST_MS = 10_000

/**
 * The keys of one issuer: found by discovery (OpenID Connect Discovery 1.0, section 4) or where the configuration says. What a token says of places of keys
 * (`jku`, `x5u`, `jwk`) is not looked at. Throws GitwakeError `issuer-unavailable` (retryable) where they cannot be had.
 */
export function createIssuerKeys(
  place: Place,
  { log, now, resolve }: { readonly log: Log; readonly now: () => number; readonly resolve?: OutgoingOptions['resolve'] },
): JWTVerifyGetKey {
  const { issuer, allowInsecure } = place
  const get = createOutgoingFetch({ allowInsecure, maxBytes: LARGEST_ANSWER, timeoutMs: TIMEOUT_MS, ...(resolve && { resolve }) })
  let failure: { readonly error: GitwakeError; readonly at: number } | undefined

  const load = async (signal: AbortSignal): Promise<Response> => {
    if (failure !== undefined && now() - failure.at < REST_MS) throw failure.error
    try {
      const keys = await keysAt(place.jwksUri ?? (await discovered(issuer, get, signal)), get, signal)
      failure = undefined
      return Response.json({ keys })
    } catch (cause) {
      const error = unavailable(issuer, cause)
      failure = { error, at: now() }
      log.warn({ issuer, err: error }, error.message)
      throw error
    }
  }
  return createRemoteJWKSet(new URL(issuer), {
    cooldownDuration: COOLDOWN_MS,
    timeoutDuration: 2 * TIMEOUT_MS,
    [customFetch]: (_url, { signal }) => load(signal),
  })
}

async function discovered(issuer: string, get: OutgoingFetch, signal: AbortSignal): Promise<string> {
  const document = await jsonAt(`${issuer.replace(/\/$/u, '')}/.well-known/openid-configuration`, get, signal)
  const said: unknown = Reflect.get(document, 'issuer')
  // Otherwise one issuer could vouch for the tokens of another.
  if (said !== issuer)
    throw new Error(`it calls itself ${JSON.stringify(said)?.slice(0, 200)} instead; write spec.oidc.issuer exactly as it does`)
  const uri: unknown = Reflect.get(document, 'jwks_uri')
  if (typeof uri !== 'string') throw new Error('its discovery document names no jwks_uri')
  return uri
}

async function keysAt(uri: string, get: OutgoingFetch, signal: AbortSignal): Promise<readonly object[]> {
  const keys: unknown = Reflect.get(await jsonAt(uri, get, signal), 'keys')
  if (!Array.isArray(keys) || keys.length > MOST_KEYS) throw new Error(`${uri} is no set of at most ${MOST_KEYS} keys`)
  // A secret that stands among public keys is no secret.
  return keys.filter((key: unknown) => typeof key === 'object' && key !== null && Reflect.get(key, 'kty') !== 'oct')
}

async function jsonAt(url: string, get: OutgoingFetch, signal: AbortSignal): Promise<object> {
  const answer = await get(url, { signal, headers: { Accept: 'application/json' } })
  if (answer.status !== 200)
    throw new Error(`${url} answers ${answer.status}${answer.headers.has('location') ? ' (redirects are not followed)' : ''}`)
  const value: unknown = await answer.json().catch(() => undefined)
  if (typeof value !== 'object' || value === null) throw new Error(`${url} answers no JSON object`)
  return value
}

function unavailable(issuer: string, cause: unknown): GitwakeError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new GitwakeError('issuer-unavailable', `the keys of the issuer ${issuer} cannot be had: ${why}`, {
    fix: 'Check spec.oidc.issuer (or jwksUri) of the Token, and whether gitwake reaches it; its tokens open nothing until then.',
    retryable: true,
    cause,
  })
}
