import type { Request } from 'express'
import type { Refusal } from './refusal.ts'

export const FOREIGN: Refusal = {
  code: 'cross-origin',
  message: 'This request changes something and was made by another site.',
  fix: 'Use the pages of gitwake itself, or send the token as "Authorization: Bearer". A proxy must leave the Host header as it is.',
}

export function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
}

/**
 * Browsers name the site a request comes from. Programs such as curl name none, and are steered by nobody else; but what carries the
 * cookie of a session comes from a browser, and must name it.
 */
export function isSameOrigin(request: Request, from: 'anybody' | 'browser'): boolean {
  const site = request.headers['sec-fetch-site']
  if (site !== undefined) return site === 'same-origin'
  const { origin } = request.headers
  if (origin === undefined) return from === 'anybody'
  return URL.canParse(origin) && new URL(origin).host === request.headers.host
}
