import { isIP } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseDuration } from '../model/duration.ts'
import { nearest } from '../model/nearest.ts'
import { parseRedisUrl } from '../model/redis-url.ts'
import proxyAddress from 'proxy-addr'

/** Why a value is refused, as the rest of a sentence that begins with the variable's name; never with the value of a secret. */
export class InvalidValue extends Error {}

/** Text of an environment variable → its trusted value. Throws InvalidValue. */
export type Decode<Value> = (text: string) => Value

export const text: Decode<string> = (value) => value

export const optionalText: Decode<string | undefined> = (value) => (value === '' ? undefined : value)

/** A file path; `~/` is the home directory. */
export const filePath: Decode<string> = (value) => (value.startsWith('~/') ? join(homedir(), value.slice(2)) : value)

/** A file path, or none. */
export const optionalPath: Decode<string | undefined> = (value) => (value === '' ? undefined : filePath(value))

export function integer(least: number, most: number): Decode<number> {
  return (value) => {
    const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN
    if (number >= least && number <= most) return number
    throw new InvalidValue(`must be a whole number from ${least} to ${most}, not "${value}"`)
  }
}

/** A port, or none. */
export const optionalPort: Decode<number | undefined> = (value) => (value === '' ? undefined : integer(0, 65_535)(value))

export const flag: Decode<boolean> = (value) => {
  const word = value.toLowerCase()
  if (word === 'true' || word === '1') return true
  if (word === 'false' || word === '0' || word === '') return false
  throw new InvalidValue(`must be true or false, not "${value}"`)
}

export function oneOf<const Word extends string>(...words: readonly Word[]): Decode<Word> {
  return (value) => {
    const found = words.find((word) => word === value.toLowerCase())
    if (found !== undefined) return found
    const meant = nearest(value, words)
    throw new InvalidValue(`must be one of ${words.join(', ')}, not "${value}"${meant === undefined ? '' : `; did you mean "${meant}"?`}`)
  }
}

/** Milliseconds of `30s`, `1h`, `30d`. */
export const duration: Decode<number> = (value) => {
  const milliseconds = parseDuration(value)
  if (milliseconds !== undefined) return milliseconds
  throw new InvalidValue(`must be a duration such as 30s, 5m, 1h or 30d, not "${value}"`)
}

/** Bytes of `512Ki`, `64Mi`, `1Gi`. */
export const byteSize: Decode<number> = (value) => {
  const [, amount, unit] = /^([1-9]\d{0,5})(Ki|Mi|Gi)$/.exec(value) ?? []
  if (amount === undefined) throw new InvalidValue(`must be a size such as 512Ki, 64Mi or 1Gi, not "${value}"`)
  return Number(amount) * 1024 ** (unit === 'Gi' ? 3 : unit === 'Mi' ? 2 : 1)
}

/** Comma-separated secrets, for rotation: all are accepted, the first is the newest. */
export const secrets: Decode<readonly string[]> = (value) => {
  const list = value
    .split(',')
    .map((secret) => secret.trim())
    .filter((secret) => secret !== '')
  const tooShort = list.findIndex((secret) => secret.length < 8)
  if (tooShort >= 0) {
    const which = list.length > 1 ? ` (number ${tooShort + 1} of the list)` : ''
    throw new InvalidValue(`holds a secret shorter than 8 characters${which}: make one with "openssl rand -hex 32"`)
  }
  return list
}

/** Secrets that are sent in a header: none can carry a control character, and the error of who tries quotes it. */
export const tokens: Decode<readonly string[]> = (value) => {
  const list = secrets(value)
  if (list.some((token) => /\p{Cc}/u.test(token)))
    throw new InvalidValue('holds a line break or another control character inside a token: separate several by commas')
  return list
}

/** GitLab's signing keys: `whsec_` and base64. */
export const signingKeys: Decode<readonly string[]> = (value) => {
  const keys = secrets(value)
  const odd = keys.findIndex((key) => !/^whsec_[A-Za-z0-9+/_-]{8,}={0,2}$/.test(key))
  if (odd < 0) return keys
  throw new InvalidValue(
    `holds a signing key that is not "whsec_" followed by base64 (number ${odd + 1}): copy it from GitLab; a plain token belongs into GITLAB_WEBHOOK_TOKEN`,
  )
}

export interface RateLimit {
  readonly requests: number
  readonly perMs: number
}

const RATE_UNITS: Readonly<Record<string, number>> = { s: 1000, min: 60_000, h: 3_600_000 }

/** `600/min`, `20/s`, `off`. */
export const rateLimit: Decode<RateLimit | 'off'> = (value) => {
  if (value.toLowerCase() === 'off') return 'off'
  const [, requests = '', unit = ''] = /^([1-9]\d{0,8})\/(s|min|h)$/.exec(value) ?? []
  const perMs = RATE_UNITS[unit]
  if (perMs !== undefined) return { requests: Number(requests), perMs }
  throw new InvalidValue(`must be a number of requests per s, min or h (600/min), or off, not "${value}"`)
}

/** Addresses, ranges (10.0.0.0/8), or their names: loopback, linklocal, uniquelocal. */
export const proxies: Decode<readonly string[]> = (value) => {
  const list = value.split(',').flatMap((one) => one.trim() || [])
  for (const one of list) {
    try {
      proxyAddress.compile(one)
    } catch {
      throw new InvalidValue(
        `must be addresses, ranges (10.0.0.0/8), loopback, linklocal or uniquelocal, separated by commas, not "${one}"`,
      )
    }
  }
  return list
}

/** As parseRedisUrl takes it; the URL itself is never repeated, because it may carry the password. */
export const redisUrl: Decode<string> = (value) => {
  if (parseRedisUrl(value) !== undefined) return value
  throw new InvalidValue(
    'must look like redis://host:6379/0, redis+sentinel://host:26379,host2:26379/master, or redis+cluster://host:6379,host2:6379 without a database (rediss for TLS; user:password@ stands before the first host)',
  )
}

/** An http or https address without a path. */
export const httpUrl: Decode<string | undefined> = (value) => {
  if (value === '') return undefined
  const url = URL.parse(value)
  if (url === null || !['http:', 'https:'].includes(url.protocol)) throw new InvalidValue('must be an http:// or https:// address')
  if (url.username !== '' || url.password !== '')
    throw new InvalidValue('must not carry a password: the token is read from GITWAKE_API_TOKEN')
  return value.replace(/\/+$/, '')
}

/** A name as Kubernetes wants it: lower-case letters, digits and hyphens. */
export function dnsLabel(longest: number): Decode<string> {
  return (value) => {
    if (value.length <= longest && DNS_LABEL.test(value)) return value
    throw new InvalidValue(`must be lower-case letters, digits and hyphens, at most ${longest} characters, not "${value}"`)
  }
}

export const DNS_LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/

/** Whether a host is this machine itself. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase()
  if (bare === 'localhost' || bare.endsWith('.localhost') || bare === '::1') return true
  return isIP(bare) === 4 && bare.startsWith('127.')
}
