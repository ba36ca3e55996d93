import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { isJsonObject, parseJson, type Json } from '../model/json.ts'

/** A login that has begun: what the browser keeps while it is at the provider. Nothing of it is kept here, so nobody can fill us up with half-finished ones. */
export interface Attempt {
  readonly login: string
  /** A path of ours. */
  readonly returnTo: string
  /** Milliseconds since 1970. */
  readonly begunAt: number
  /** 256 random bits, which only this browser has. */
  readonly secret: string
}

/** What the provider is told, and gives back. */
export interface Derived {
  readonly state: string
  readonly nonce: string
  /** Of PKCE: shown to the provider only with the code. */
  readonly verifier: string
}

export const ATTEMPT_MS = 10 * 60_000
const LONGEST = 4_000

export function newAttempt(login: string, returnTo: string, now: number): Attempt {
  return { login, returnTo, begunAt: now, secret: randomBytes(32).toString('base64url') }
}

/** Each is a hash over all that the attempt says, under its secret: a cookie that was altered does not fit the state that comes back. */
export function derive({ login, returnTo, begunAt, secret }: Attempt): Derived {
  const part = (name: string): string =>
    createHmac('sha256', secret)
      .update(JSON.stringify([name, login, returnTo, begunAt]))
      .digest('base64url')
  return { state: part('state'), nonce: part('nonce'), verifier: part('verifier') }
}

export function encodeAttempt(attempt: Attempt): string {
  return Buffer.from(JSON.stringify(attempt)).toString('base64url')
}

/** Undefined where it is none of ours, is another provider's, or is too old. */
export function decodeAttempt(text: string | undefined, login: string, now: number): Attempt | undefined {
  if (text === undefined || text.length > LONGEST) return undefined
  const value = parsed(Buffer.from(text, 'base64url').toString('utf8'))
  if (!isJsonObject(value)) return undefined
  const { returnTo, begunAt, secret } = value
  if (value['login'] !== login || typeof returnTo !== 'string' || typeof begunAt !== 'number' || typeof secret !== 'string')
    return undefined
  const isFresh = begunAt <= now + 60_000 && now - begunAt < ATTEMPT_MS
  return isFresh && secret.length === 43 ? { login, returnTo, begunAt, secret } : undefined
}

export function isSameText(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)]
  return left.length === right.length && timingSafeEqual(left, right)
}

function parsed(text: string): Json | undefined {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}
