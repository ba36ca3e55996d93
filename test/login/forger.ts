import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { CLIENT } from './house.ts'

/** How a token is made wrong, and how the provider is. */
export interface Forgery {
  readonly header?: object
  readonly claims?: object
  /** Instead of a signature with the provider's key. */
  readonly signature?: 'none' | 'with the public key' | 'with the client secret' | 'with another key'
  readonly metadata?: object
  readonly userinfo?: object
  /** Answers a path in place of the provider. */
  readonly answer?: (path: string, response: ServerResponse) => boolean
}

/** A provider that signs whatever it is told to, on this machine. */
export async function startForger(test: TestContext) {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const asked: string[] = []
  let forgery: Forgery = {}
  let nonce = ''

  const tokenOf = (issuer: string): string => {
    const now = Math.floor(Date.now() / 1_000)
    const header = { alg: 'RS256', kid: 'k', ...forgery.header }
    const claims = { iss: issuer, sub: 'ada', aud: CLIENT.id, iat: now, exp: now + 300, nonce, groups: ['shop'], ...forgery.claims }
    const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
    const hmac = (key: string): string => createHmac('sha256', key).update(text).digest('base64url')
    const signatures = {
      none: '',
      'with the public key': hmac(publicKey.export({ type: 'spki', format: 'pem' }).toString()),
      'with the client secret': hmac(CLIENT.secret),
      'with another key': sign('sha256', Buffer.from(text), other).toString('base64url'),
    }
    return `${text}.${forgery.signature === undefined ? sign('sha256', Buffer.from(text), privateKey).toString('base64url') : signatures[forgery.signature]}`
  }
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://x').pathname
    asked.push(path)
    request.resume()
    if (forgery.answer?.(path, response) === true) return
    const send = (body: object): void => void response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
    if (path === '/.well-known/openid-configuration')
      return send({
        issuer,
        authorization_endpoint: `${issuer}/auth`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        id_token_signing_alg_values_supported: ['RS256', 'HS256', 'none'],
        ...(forgery.userinfo && { userinfo_endpoint: `${issuer}/me` }),
        ...forgery.metadata,
      })
    if (path === '/jwks') return send({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', use: 'sig', alg: 'RS256' }] })
    if (path === '/token') return send({ access_token: 'a', token_type: 'Bearer', id_token: tokenOf(issuer) })
    if (path === '/me') return send(forgery.userinfo ?? {})
    response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  test.after(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return {
    issuer,
    asked,
    forge: (next: Forgery) => void (forgery = next),
    /** Takes the nonce of the login that begins, as a provider does. */
    follow: (authorization: string) => void (nonce = new URL(authorization).searchParams.get('nonce') ?? ''),
  }
}
