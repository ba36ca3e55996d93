import type { IncomingHttpHeaders } from 'node:http'
import type { Verdict } from './provider.ts'
import { header } from './provider.ts'
import { equalDigests, hmac } from './signature.ts'

const toleranceSeconds = 300
const mostSignatures = 8

export function isSigningKey(value: string): boolean {
  return value.startsWith('whsec_')
}

/** The bytes that a signing key stands for: base64 after `whsec_`; a value without that prefix is the key as it is. */
export function signingKeyOf(value: string): Buffer {
  return isSigningKey(value) ? Buffer.from(value.slice('whsec_'.length), 'base64') : Buffer.from(value)
}

/**
 * Checks a signature in the format of Standard Webhooks: `webhook-signature` over `id.timestamp.body`, at most 300 s old or early.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function checkStandardSignature(headers: IncomingHttpHeaders, body: Buffer, keys: readonly Buffer[], now: number): Verdict {
  const refused = (reason: string, hashed = 0): Verdict => ({ authentic: false, reason, hashed })
  const id = header(headers, 'webhook-id') ?? ''
  const timestamp = header(headers, 'webhook-timestamp') ?? ''
  const given = signaturesOf(header(headers, 'webhook-signature') ?? '')
  if (keys.length === 0) return refused('it is signed, but no signing key is configured')
  if (id === '' || given.length === 0) return refused('webhook-id or webhook-signature is missing or malformed')
  if (!/^\d{1,12}$/u.test(timestamp)) return refused('webhook-timestamp is missing or malformed')
  const aheadSeconds = Math.round(Number(timestamp) - now / 1000)
  if (Math.abs(aheadSeconds) > toleranceSeconds) {
    const off = `${Math.abs(aheadSeconds)} s ${aheadSeconds > 0 ? 'ahead of' : 'behind'}`
    return refused(`webhook-timestamp is ${off} this machine's clock, more than 300 s: sent again by somebody, or a clock is wrong`)
  }
  for (const [index, key] of keys.entries()) {
    const expected = hmac(key, `${id}.${timestamp}.`, body)
    let holds = false
    for (const signature of given) if (equalDigests(expected, signature)) holds = true
    if (holds) return { authentic: true, reason: '', hashed: index + 1 }
  }
  return refused('the signature does not match any signing key', keys.length)
}

/** The `v1` signatures of a space-separated list; none where any entry is malformed. Other versions are not for us. */
function signaturesOf(list: string): readonly Buffer[] {
  const entries = list.split(' ')
  if (entries.length > mostSignatures || !entries.every((entry) => /^v\d+[a-z]*,[A-Za-z0-9+/]+={0,2}$/u.test(entry))) return []
  return entries.filter((entry) => /^v1,[A-Za-z0-9+/]{43}=$/u.test(entry)).map((entry) => Buffer.from(entry.slice(3), 'base64'))
}
