import { parseJson, type Json } from '../model/json.ts'
import { ReadError } from './read-error.ts'

/** Reads a JSON text: integers exact, duplicate keys, `__proto__` and deep nesting refused. Throws ReadError. */
export function readJson(text: string, limits: { readonly depth: number }): Json {
  checkKeys(text, limits.depth)
  try {
    return parseJson(text)
  } catch (error) {
    if (error instanceof RangeError) throw new ReadError('maps and lists are nested too deep', 'Nest less deeply.')
    throw syntaxError(error)
  }
}

function syntaxError(error: unknown): ReadError {
  const message = error instanceof Error ? error.message : String(error)
  const position = / at position (\d+)/.exec(message)?.[1]
  // JSON.parse quotes the text around the mistake, which may be a secret: only the place is kept.
  return new ReadError('not valid JSON', 'Correct the syntax at this place.', position === undefined ? undefined : Number(position))
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/gsy
const SKIP = /[^"{}[\]:,]*/gy

/**
 * JSON.parse keeps the last of two equal keys without a word and recurses as deep as the text says, so this runs first.
 * It is not a parser: what is no JSON is left for JSON.parse to refuse.
 */
function checkKeys(text: string, depth: number): void {
  const open: (Set<string> | undefined)[] = []
  let position = 0
  let awaitsKey = false
  while (position < text.length) {
    SKIP.lastIndex = position
    SKIP.exec(text)
    TOKEN.lastIndex = SKIP.lastIndex
    const token = TOKEN.exec(text)?.[0]
    if (token === undefined) return
    const start = TOKEN.lastIndex - token.length
    position = TOKEN.lastIndex
    if (token === '{' || token === '[') {
      if (open.push(token === '{' ? new Set() : undefined) > depth) {
        throw new ReadError(`maps and lists are nested more than ${depth} deep`, 'Nest less deeply.', start)
      }
      awaitsKey = token === '{'
    } else if (token === '}' || token === ']') {
      open.pop()
      awaitsKey = false
    } else if (token === ',') {
      awaitsKey = open.at(-1) !== undefined
    } else if (awaitsKey && token !== ':') {
      checkKey(keyOf(token), open.at(-1), start)
      awaitsKey = false
    }
  }
}

function keyOf(token: string): string {
  if (!token.includes('\\')) return token.slice(1, -1)
  try {
    return String(JSON.parse(token))
  } catch {
    return token
  }
}

function checkKey(key: string, seen: Set<string> | undefined, position: number): void {
  if (key === '__proto__') throw new ReadError('the key __proto__ is refused', 'Remove the key: no Kubernetes object has it.', position)
  if (seen?.has(key))
    throw new ReadError(`the key ${JSON.stringify(key.slice(0, 100))} occurs twice in one map`, 'Keep one of them.', position)
  seen?.add(key)
}
