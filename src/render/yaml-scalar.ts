import { getScalarValue, SCALAR_STYLE, type ScalarEvent } from 'js-yaml'
import type { Json } from '../model/json.ts'
import { ReadError } from './read-error.ts'
import { resolvePlain, type Scalar } from './scalars.ts'

const LONG_TAG = 'tag:yaml.org,2002:'
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
const DATE = /^\d{4}-\d{1,2}-\d{1,2}/

/** A scalar with its text: as a map key the text counts, as a value what it stands for. */
export interface ReadScalar {
  readonly text: string
  readonly value: Json
  /** An unquoted `<<`: as a key, it merges. */
  readonly merge: boolean
}

/** Reads one scalar event. Throws ReadError for unknown tags and for what JSON cannot carry. */
export function readScalar(source: string, event: ScalarEvent): ReadScalar {
  const text = getScalarValue(source, event)
  const tag = tagOf(source, event)
  const plain = event.style === SCALAR_STYLE.PLAIN
  const merge = text === '<<' && (tag === 'merge' || (tag === '' && plain))
  if (tag === '') return { text, merge, value: plain ? finite(resolvePlain(text), event) : text }
  return { text, merge, value: taggedValue(tag, text, event) }
}

/** The short name of a node's tag: '' for none, `int` for `!!int`, `!local` as written. */
export function tagOf(source: string, event: { readonly tagStart: number; readonly tagEnd: number }): string {
  if (event.tagStart < 0) return ''
  const raw = source.slice(event.tagStart, event.tagEnd)
  if (raw === '!') return 'str'
  if (raw.startsWith('!!')) return raw.slice(2)
  if (raw.startsWith(`!<${LONG_TAG}`) && raw.endsWith('>')) return raw.slice(2 + LONG_TAG.length, -1)
  return raw
}

export function unknownTag(tag: string, position: number): ReadError {
  const shown = tag.startsWith('!') ? tag : `!!${tag}`
  return new ReadError(`the tag ${shown.slice(0, 60)} means nothing to Kubernetes`, 'Remove the tag and write the value itself.', position)
}

function taggedValue(tag: string, text: string, event: ScalarEvent): Json {
  switch (tag) {
    case 'str':
    case 'merge':
      return text
    case 'binary':
      return binary(text, event)
    case 'timestamp':
      if (DATE.test(text)) return text
      throw mismatch(tag, event)
    case 'int':
    case 'float':
    case 'bool':
    case 'null': {
      const scalar = resolvePlain(text)
      if (scalar.tag !== tag && !(tag === 'float' && scalar.tag === 'int')) throw mismatch(tag, event)
      return finite(scalar, event)
    }
    default:
      throw unknownTag(tag, event.tagStart)
  }
}

function mismatch(tag: string, event: ScalarEvent): ReadError {
  return new ReadError(`the value is no !!${tag} although its tag says so`, 'Remove the tag, or correct the value.', event.valueStart)
}

function finite(scalar: Scalar, event: ScalarEvent): Json {
  if (scalar.tag !== 'float' || Number.isFinite(scalar.value)) return scalar.value
  const fix = 'Write a number, or put the text in quotes.'
  throw new ReadError('infinity and not-a-number cannot be sent to Kubernetes', fix, event.valueStart)
}

function binary(text: string, event: ScalarEvent): string {
  const digits = text.replaceAll(/\s/g, '')
  if (!BASE64.test(digits) || digits.length % 4 !== 0) throw mismatch('binary', event)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(digits, 'base64'))
  } catch {
    const fix = 'Write the base64 text itself without the tag, under binaryData or in a Secret under data.'
    throw new ReadError('a !!binary value holds bytes that are no text', fix, event.valueStart)
  }
}
