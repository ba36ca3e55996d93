import type { Request, Response } from 'express'
import type { Kept } from '../model/login.ts'

export type CookieName = 'gitwake' | 'gitwake-login'

/**
 * A cookie of ours and under which kind of name it came. `__Host-` ones were set over TLS by this very host: neither plain http nor a host beside
 * ours could have planted them. Where both came, that one counts.
 */
export function readCookie(request: Request, name: CookieName): { readonly value: string; readonly secure: boolean } | undefined {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim())
  for (const secure of [true, false]) {
    const start = `${fullName(name, secure)}=`
    const pair = pairs.find((one) => one.startsWith(start))
    if (pair !== undefined) return { value: pair.slice(start.length), secure }
  }
  return undefined
}

/** Lax: sent with links from elsewhere, so that they open, but never with what another site embeds or posts. */
export function setCookie(response: Response, name: CookieName, { value, secure, maxAgeMs }: Kept): void {
  response.cookie(fullName(name, secure), value, { httpOnly: true, secure, sameSite: 'lax', path: '/', maxAge: maxAgeMs })
}

export function clearCookie(response: Response, name: CookieName): void {
  for (const secure of [true, false]) setCookie(response, name, { value: '', secure, maxAgeMs: 0 })
}

function fullName(name: CookieName, secure: boolean): string {
  return secure ? `__Host-${name}` : name
}
