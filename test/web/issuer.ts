import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { CompactSign, exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTHeaderParameters } from 'jose'

/** An issuer of identity tokens on this machine: discovery, keys, and the tokens that it signs. */
export interface Issuer {
  readonly url: string
  /** Paths, as they were asked for. */
  readonly requests: readonly string[]
  readonly publicKey: JWK
  /** A key that is published from now on; tokens are signed by the newest. */
  rotate(kid: string): Promise<void>
  /** Answers instead of the issuer, where it returns true. */
  intercept(handler: (request: IncomingMessage, response: ServerResponse) => boolean): void
  token(claims?: Readonly<Record<string, unknown>>, header?: Partial<JWTHeaderParameters>, key?: CryptoKey): Promise<string>
  /** Signs any payload. */
  sign(payload: string): Promise<string>
}

export const AUDIENCE = 'https://gitwake.example.org'
export const MAIN = 'repo:acme/shop:ref:refs/heads/main'

export async function startIssuer(t: TestContext): Promise<Issuer> {
  const requests: string[] = []
  const published: JWK[] = []
  let newest: { readonly kid: string; readonly key: CryptoKey } | undefined
  let handler = (_request: IncomingMessage, _response: ServerResponse): boolean => false
  const server = createServer((request, response) => {
    requests.push(request.url ?? '')
    if (handler(request, response)) return
    const documents: Readonly<Record<string, object>> = {
      '/.well-known/openid-configuration': { issuer: url, jwks_uri: `${url}/keys` },
      '/keys': { keys: published },
    }
    const document = documents[request.url ?? '']
    response.writeHead(document ? 200 : 404, { 'Content-Type': 'application/json' }).end(JSON.stringify(document ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  const url = `http://127.0.0.1:${address.port}`

  const rotate = async (kid: string): Promise<void> => {
    const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
    published.push({ ...(await exportJWK(publicKey)), kid, use: 'sig', alg: 'RS256' })
    newest = { kid, key: privateKey }
  }
  await rotate('first')
  const [publicKey] = published
  assert.ok(publicKey)

  return {
    url,
    requests,
    publicKey,
    rotate,
    intercept: (next) => void (handler = next),
    token(claims = {}, header = {}, key) {
      assert.ok(newest)
      const now = Math.floor(Date.now() / 1000)
      const usual = {
        iss: url,
        aud: AUDIENCE,
        sub: MAIN,
        repository: 'acme/shop',
        ref: 'refs/heads/main',
        iat: now,
        nbf: now,
        exp: now + 300,
      }
      return new SignJWT({ ...usual, ...claims }).setProtectedHeader({ alg: 'RS256', kid: newest.kid, ...header }).sign(key ?? newest.key)
    },
    sign(payload) {
      assert.ok(newest)
      return new CompactSign(Buffer.from(payload)).setProtectedHeader({ alg: 'RS256', kid: newest.kid }).sign(newest.key)
    },
  }
}
