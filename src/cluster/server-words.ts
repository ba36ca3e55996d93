/** A whole value in the server's words is shown up to this length: a selector, a role reference, but no Pod template. */
const LONGEST_VALUE = 200
const LONGEST_MESSAGE = 2000

/** How the server prints a value whose type does not fit the schema. */
const TYPED_VALUE = '&value.valueUnstructured{'
/** What it says of a value that it quotes as a whole. */
const QUOTED_VALUE = 'Invalid value: '
/** What changed in the specification of a Pod, as lines of a diff. */
const HUNK = /\n@@ -[\d,]+ \+[\d,]+ @@[^\n]*(?:\n[ +-][^\n]*)*/g

/**
 * A refusal in the server's own words, without what it copies of the object: values whose type is wrong, Pod templates, differences of
 * Pods. They say nothing that Git does not say better, and may hold a credential in a form that no mask knows.
 */
export function serverWords(message: string): string {
  return shorten(withoutQuotedValues(withoutTypedValues(message.replace(HUNK, ''))))
}

function withoutTypedValues(message: string): string {
  const [first = '', ...rest] = message.split(TYPED_VALUE)
  return first + rest.map((text) => typeName(text.replace(/^Value:/, '')) + text.slice(endOfBraces(text, 1))).join('')
}

function typeName(value: string): string {
  if (value.startsWith('"')) return 'text'
  if (value.startsWith('map[')) return 'a map'
  if (value.startsWith('[]')) return 'a list'
  return /^(true|false)\b/.test(value) ? 'a boolean' : /^-?\d/.test(value) ? 'a number' : 'nothing'
}

function withoutQuotedValues(message: string): string {
  const [first = '', ...rest] = message.split(QUOTED_VALUE)
  return first + rest.map((text) => QUOTED_VALUE + withoutLongValue(text)).join('')
}

/** Values begin with `{` and `[` in JSON, in older servers with the name of their Go type. */
function withoutLongValue(text: string): string {
  const opening = /^(?:[\w.*&[\]]*\{|\[)/.exec(text)?.[0]
  if (opening === undefined) return text
  const end = endOfBraces(text.slice(opening.length), 1) + opening.length
  return end <= LONGEST_VALUE ? text : `${opening.at(-1) === '[' ? '[…]' : '{…}'}${text.slice(end)}`
}

/** Where as many braces and brackets are closed as are open: those in quotes do not count. */
function endOfBraces(text: string, open: number): number {
  let left = open
  for (const { 0: token, index } of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]]/gs)) {
    if (token === '{' || token === '[') left += 1
    if (token === '}' || token === ']') left -= 1
    if (left === 0) return index + 1
  }
  return text.length
}

function shorten(message: string): string {
  return message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE)}…` : message
}
