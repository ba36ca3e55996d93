import type { IncomingHttpHeaders } from 'node:http'
import type { Verdict } from './provider.ts'
import { header } from './provider.ts'
import { equalDigests, hmac } from './signature.ts'

/** Where a sender puts the HMAC-SHA256 of its body, in hexadecimal. */
export interface HexSignature {
  /** In lower case. */
  readonly header: string
  /** What stands before the digits: `sha256=`, or nothing. */
  readonly prefix: string
}

/** Checks an HMAC over the raw bytes against every key, while several are valid. */
export function checkHexSignature(headers: IncomingHttpHeaders, body: Buffer, keys: readonly Buffer[], where: HexSignature): Verdict {
  const value = header(headers, where.header) ?? ''
  const hex = value.slice(0, where.prefix.length).toLowerCase() === where.prefix ? value.slice(where.prefix.length) : ''
  if (keys.length === 0) return { authentic: false, reason: 'no secret is configured', hashed: 0 }
  if (!/^[0-9a-f]{64}$/iu.test(hex)) return { authentic: false, reason: `${where.header} is missing or malformed`, hashed: 0 }
  const given = Buffer.from(hex, 'hex')
  for (const [index, key] of keys.entries()) {
    if (equalDigests(hmac(key, body), given)) return { authentic: true, reason: '', hashed: index + 1 }
  }
  return { authentic: false, reason: 'the signature does not match any secret', hashed: keys.length }
}
