import type { Json } from '../model/json.ts'
import { readJson } from './json-text.ts'
import { ReadError } from './read-error.ts'
import { readYaml } from './yaml.ts'
import type { YamlLimits } from './yaml-collection.ts'

/** A piece of a file: its text, and the line (1 is the first) where it begins. */
export interface Part {
  readonly text: string
  readonly firstLine: number
}

/** One document that holds something, or what is wrong with it. */
export type ReadDocument = {
  /** 1 is the first document of the file; empty ones count. */
  readonly number: number
  readonly part: Part
  /** Its place among the documents of the part; 0 is the first. */
  readonly index: number
} & ({ readonly value: Json; readonly error?: never } | { readonly error: ReadError })

/** Text of a file, without a byte order mark. Throws ReadError where it is not UTF-8. */
export function decodeText(content: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content)
  } catch {
    throw new ReadError('the file is not UTF-8 text', 'Save it as UTF-8, or list it in .gitwakeignore where it is no manifest.')
  }
}

/** All documents of a file: JSON by its name, YAML otherwise. A mistake in one does not hide those in the next. */
export function* readDocuments(file: string, text: string, limits: YamlLimits): Generator<ReadDocument> {
  const isJson = file.endsWith('.json')
  let number = 0
  for (const part of isJson ? [{ text, firstLine: 1 }] : partsOf(text)) {
    try {
      const values = isJson ? [readJson(text, limits)] : readYaml(part.text, limits)
      for (const [index, value] of values.entries()) {
        number++
        if (value !== undefined && value !== null) yield { number, part, index, value }
      }
    } catch (error) {
      if (!(error instanceof ReadError)) throw error
      number++
      yield { number, part, index: 0, error }
    }
  }
}

/** Line of an offset in a part, counted in its file. */
export function lineAt(part: Part, position: number | undefined): number | undefined {
  return position === undefined || position < 0 ? undefined : part.firstLine + lineBreaks(part.text.slice(0, position))
}

/**
 * Cuts a text in front of every line that begins with `---`: YAML forbids that line inside of any scalar, so the cuts are those of the
 * documents, and a syntax error stays in its own. A text with directives stays whole, because they stand in front of their `---`.
 */
function* partsOf(text: string): Generator<Part> {
  if (/^%/m.test(text)) {
    yield { text, firstLine: 1 }
    return
  }
  let start = 0
  let firstLine = 1
  for (const { index } of text.matchAll(/^---(?=[ \t\r\n]|$)/gm)) {
    if (index === start) continue
    const part = text.slice(start, index)
    yield { text: part, firstLine }
    firstLine += lineBreaks(part)
    start = index
  }
  yield { text: text.slice(start), firstLine }
}

function lineBreaks(text: string): number {
  let count = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++
  return count
}
