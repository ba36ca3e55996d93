import type * as Client from 'openid-client'
import type { ClientAuth, Configuration, ServerMetadata } from 'openid-client'
import type { Login } from '../model/configuration.ts'
import { GitwakeError } from '../model/error.ts'
import type { OutgoingFetch } from '../outgoing/fetch.ts'
import type { Derived } from './attempt.ts'
import { mergedClaims, type Claims } from './person.ts'

const TIMEOUT_S = 10
/** A longer one does not fit into the address of a page. */
const LONGEST_HINT = 4_000

/** What a completed login brought: who it is, and what ends the session at the provider. */
export interface Told {
  readonly claims: Claims
  readonly idToken?: string
}

/** One provider, discovered. */
export interface Provider {
  /** Where a browser goes to log in. */
  authorizationUrl(derived: Derived): Promise<string>
  /** Takes what the browser came back with, and fetches who it is. Throws errors of openid-client (src/login/problem.ts). */
  redeem(query: string, derived: Derived): Promise<Told>
  /** Where a browser goes to log out; undefined where the provider offers nothing. */
  endSessionUrl(idToken: string | undefined): string | undefined
}

export function callbackUrl({ publicOrigin, name }: Login): string {
  return `${publicOrigin}/login/${name}/callback`
}

/** Asks the issuer about itself. Throws errors of openid-client and of the fetch. */
export async function discoverProvider(login: Login, secret: string | undefined, fetch: OutgoingFetch): Promise<Provider> {
  // Most processes never log anybody in: it is loaded by those that do.
  const client = await import('openid-client')
  const config = await client.discovery(
    new URL(login.issuer),
    login.clientId,
    secret === undefined ? {} : { client_secret: secret },
    (server, own, body, headers) => authentication(client, login, secret, server)(server, own, body, headers),
    {
      timeout: TIMEOUT_S,
      // The signature of every ID token is checked with the provider's published keys, which also rules out `none` and shared secrets.
      execute: [client.enableNonRepudiationChecks, ...(login.allowInsecure ? [client.allowInsecureRequests] : [])],
      [client.customFetch]: (url, { method, headers, body, signal }) =>
        fetch(url, { method, headers, ...(body != null && { body: String(body) }), ...(signal && { signal }) }),
    },
  )
  const server = config.serverMetadata()
  return {
    async authorizationUrl({ state, nonce, verifier }) {
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: callbackUrl(login),
        scope: login.scopes.join(' '),
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        state,
        nonce,
      })
      return url.href
    },
    async redeem(query, { state, nonce, verifier }) {
      const back = new URL(`${callbackUrl(login)}?${query}`)
      const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true }
      const tokens = await client.authorizationCodeGrant(config, back, checks)
      const claims = tokens.claims()
      if (claims === undefined || tokens.id_token === undefined) throw new TypeError('openid-client gave no ID token')
      if (claims.azp !== undefined && claims.azp !== login.clientId)
        throw new GitwakeError('login-wrong-party', 'azp names another client', { fix: 'Look at the clients of the provider.' })
      const info = await userInfo(client, config, tokens.access_token, claims.sub)
      const { id_token: idToken } = tokens
      return { claims: mergedClaims(claims, info), ...(idToken.length <= LONGEST_HINT && { idToken }) }
    },
    endSessionUrl(idToken) {
      if (server.end_session_endpoint === undefined) return undefined
      const hint = idToken === undefined ? {} : { id_token_hint: idToken }
      return client.buildEndSessionUrl(config, { post_logout_redirect_uri: `${login.publicOrigin}/login`, ...hint }).href
    },
  }
}

/** As OpenID Connect has it, Basic; for providers that say that they take only the other way, in the body. */
function authentication(
  client: typeof Client,
  { clientAuthentication }: Login,
  secret: string | undefined,
  { token_endpoint_auth_methods_supported: supported = ['client_secret_basic'] }: ServerMetadata,
): ClientAuth {
  if (secret === undefined) return client.None()
  const way = clientAuthentication ?? (supported.includes('client_secret_basic') ? 'basic' : 'post')
  return way === 'basic' ? client.ClientSecretBasic(secret) : client.ClientSecretPost(secret)
}

/** Many providers tell e-mail and groups only here. */
async function userInfo(client: typeof Client, config: Configuration, accessToken: string, subject: string): Promise<Claims> {
  if (config.serverMetadata().userinfo_endpoint === undefined) return {}
  return client.fetchUserInfo(config, accessToken, subject)
}
