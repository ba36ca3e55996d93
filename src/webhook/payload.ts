import { isUtf8 } from 'node:buffer'
import type { Json, JsonObject } from '../model/json.ts'
import { isJsonObject } from '../model/json.ts'
import { malformed } from './provider.ts'

const maximumDepth = 64
const quote = 0x22
const backslash = 0x5c
const colon = 0x3a
const openBrace = 0x7b
const closeBrace = 0x7d

/** How many keys the text has in its outermost object, and in the objects directly in that. Nothing deeper decides anything. */
interface KeyCount {
  readonly outer: number
  readonly inner: number
}

/**
 * The JSON object of a body whose signature holds. Throws `malformed-delivery` for invalid UTF-8, a byte order mark, JSON nested
 * deeper than 64, a key that comes twice where readers could disagree about it, a lone surrogate, and whatever is no object.
 * `__proto__` is a key like any other: JSON.parse makes it an own property and nobody here merges payloads.
 */
export function parsePayload(body: Buffer): JsonObject {
  if (!isUtf8(body)) throw malformed('The body is not valid UTF-8.')
  const text = body.toString('utf8')
  const written = countKeys(text)
  const payload = parsed(text)
  if (!isJsonObject(payload)) throw malformed('The body is not a JSON object.')
  if (!sameCount(written, payload)) throw malformed('The body has a key twice.')
  // Only an escape can bring a lone surrogate into valid UTF-8.
  if (text.includes('\\u') && /\\u[dD][89a-fA-F]/u.test(text) && !isWellFormed(payload))
    throw malformed('The body has a lone UTF-16 surrogate.')
  return payload
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    // The parser's message quotes the body, which may be private.
    throw malformed('The body is not valid JSON.')
  }
}

/** One pass before the parser, hopping from quote to quote: 10^6 brackets never reach it. */
function countKeys(text: string): KeyCount {
  const keys = new Uint32Array(maximumDepth + 1)
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) at = endOfString(text, at)
    // Outside texts, a colon follows a key and nothing else.
    else if (code === colon) keys[depth] = (keys[depth] ?? 0) + 1
    // Braces and brackets differ by the bit that also makes letters small; nothing else in JSON shares their codes.
    else if ((code | 0x20) === openBrace) {
      if (++depth > maximumDepth) throw malformed(`The body is nested deeper than ${maximumDepth} levels.`)
    } else if ((code | 0x20) === closeBrace) depth--
  }
  return { outer: keys[1] ?? 0, inner: keys[2] ?? 0 }
}

/** A key that came twice, in whatever spelling, is there once after parsing. */
function sameCount({ outer, inner }: KeyCount, payload: JsonObject): boolean {
  const values = Object.values(payload)
  let found = 0
  for (const value of values) if (isJsonObject(value)) found += Object.keys(value).length
  return values.length === outer && found === inner
}

/** Index of the closing quote; the text's last index where there is none (the parser will refuse it). */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end > 0 && text.charCodeAt(end - 1) === backslash && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end < 0 ? text.length - 1 : end
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0
  while (text.charCodeAt(at - 1 - slashes) === backslash) slashes++
  return slashes % 2 === 1
}

function isWellFormed(payload: Json): boolean {
  const left: Json[] = [payload]
  for (let item = left.pop(); item !== undefined; item = left.pop()) {
    if (typeof item === 'string' && !item.isWellFormed()) return false
    if (typeof item !== 'object' || item === null) continue
    for (const [key, value] of Object.entries(item)) {
      if (!key.isWellFormed()) return false
      if (value !== undefined) left.push(value)
    }
  }
  return true
}
