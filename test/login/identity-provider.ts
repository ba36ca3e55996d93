import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { Provider, type ClientMetadata } from 'oidc-provider'
import { CLIENT } from './house.ts'

/** What the provider says of somebody, besides `sub`. */
export type Claims = Readonly<Record<string, unknown>>

export const PEOPLE: Readonly<Record<string, Claims>> = {
  ada: { email: 'ada@example.org', email_verified: true, preferred_username: 'ada', groups: ['shop', 'everyone'] },
  grace: { email: 'grace@example.org', email_verified: false, preferred_username: 'grace', groups: ['everyone'] },
  mallory: { email: 'mallory@evil.example', email_verified: true, preferred_username: 'shop-ci', groups: 'shop,admins' },
}

export interface IdentityProvider {
  readonly issuer: string
  /** From now on every request is refused as by a host that is down. */
  stop(): Promise<void>
}

/** A real OpenID provider on this machine. Its login page is a list of links, one for each of the people. */
export async function startIdentityProvider(
  test: TestContext,
  gitwake: { readonly origin: string; readonly login?: string; readonly client?: Partial<ClientMetadata> },
  people: Readonly<Record<string, Claims>> = PEOPLE,
): Promise<IdentityProvider> {
  let answer: (request: IncomingMessage, response: ServerResponse) => unknown = (_request, response) => response.writeHead(503).end()
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...key, use: 'sig', alg: 'RS256', kid: 'first' } as never] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: [`${gitwake.origin}/login/${gitwake.login ?? 'acme'}/callback`],
        post_logout_redirect_uris: [`${gitwake.origin}/login`],
        ...gitwake.client,
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['preferred_username'], groups: ['groups'] },
    scopes: ['openid', 'email', 'profile', 'groups'],
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    findAccount: (_context, id) => ({ accountId: id, claims: async () => ({ sub: id, ...people[id] }) }),
    // Nobody is asked whether gitwake may know who they are.
    async loadExistingGrant({ oidc }) {
      const grant = new oidc.provider.Grant({ clientId: oidc.client?.clientId ?? '', accountId: oidc.session?.accountId ?? '' })
      grant.addOIDCScope('openid email profile groups')
      await grant.save()
      return grant
    },
  })
  const toProvider = provider.callback()
  answer = async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', issuer)
    if (!pathname.startsWith('/interaction/')) return toProvider(request, response)
    const as = searchParams.get('as')
    if (as !== null) return provider.interactionFinished(request, response, as === 'nobody' ? DENIED : { login: { accountId: as } })
    const links = Object.keys(people).map((name) => `<p><a href="${pathname}?as=${name}">I am ${name}</a></p>`)
    response.writeHead(200, { 'Content-Type': 'text/html' }).end(`<!doctype html><title>Acme</title>${links.join('')}`)
  }
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeAllConnections()
    await closed
  }
  test.after(stop)
  return { issuer, stop }
}

const DENIED = { error: 'access_denied', error_description: '<script>alert(1)</script>' }
