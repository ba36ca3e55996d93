/**
 * Plain YAML scalars as kubectl reads them: the resolution of go-yaml v2 (YAML 1.1 without base 60), which sigs.k8s.io/yaml uses.
 * Source: resolve.go of go.yaml.in/yaml/v2; test/render compares with that library.
 */
export type Scalar =
  | { readonly tag: 'str'; readonly value: string }
  | { readonly tag: 'bool'; readonly value: boolean }
  | { readonly tag: 'null'; readonly value: null }
  | { readonly tag: 'int'; readonly value: number | bigint }
  | { readonly tag: 'float'; readonly value: number }

const WORDS: ReadonlyMap<string, Scalar> = new Map<string, Scalar>([
  ...words({ tag: 'bool', value: true }, 'y Y yes Yes YES true True TRUE on On ON'),
  ...words({ tag: 'bool', value: false }, 'n N no No NO false False FALSE off Off OFF'),
  ...words({ tag: 'null', value: null }, '~ null Null NULL'),
  ...words({ tag: 'float', value: Number.NaN }, '.nan .NaN .NAN'),
  ...words({ tag: 'float', value: Number.POSITIVE_INFINITY }, '.inf .Inf .INF +.inf +.Inf +.INF'),
  ...words({ tag: 'float', value: Number.NEGATIVE_INFINITY }, '-.inf -.Inf -.INF'),
  ['', { tag: 'null', value: null }],
])

function words(scalar: Scalar, list: string): [string, Scalar][] {
  return list.split(' ').map((word) => [word, scalar])
}

const INTEGER = /^([-+]?)(?:(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+)|0([0-7]+)|(0|[1-9][0-9]*))$/
const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/
const DOT_FLOAT = /^\.[0-9]+([eE][-+]?[0-9]+)?$/
/** `0b-1` and `0b+1` get through go-yaml's second try at binary numbers. */
const SIGNED_BINARY = /^0b([-+])([01]+)$/
const INT64_MIN = -(2n ** 63n)
const UINT64_MAX = 2n ** 64n - 1n
const INT64_MAX = 2n ** 63n - 1n

/** The value of a plain scalar. `.inf` and `.nan` come back as such: JSON cannot carry them, so the reader refuses them. */
export function resolvePlain(text: string): Scalar {
  const word = WORDS.get(text)
  if (word !== undefined) return word
  const first = text.charCodeAt(0)
  if (first === 0x2e) return floatOf(DOT_FLOAT, text) ?? { tag: 'str', value: text }
  const isDigitOrSign = (first >= 0x30 && first <= 0x39) || first === 0x2b || first === 0x2d
  if (!isDigitOrSign) return { tag: 'str', value: text }
  const digits = text.includes('_') ? text.replaceAll('_', '') : text
  return integerOf(digits) ?? floatOf(FLOAT, digits) ?? signedBinaryOf(digits) ?? { tag: 'str', value: text }
}

function integerOf(text: string): Scalar | undefined {
  // 64 binary digits and a prefix: longer texts are no 64-bit integers (leading zeros aside), and BigInt is quadratic.
  if (text.length > 128) return undefined
  const match = INTEGER.exec(text)
  if (match === null) return undefined
  const [, sign, prefixed, octal, decimal] = match
  const magnitude = BigInt(prefixed !== undefined ? prefixed.toLowerCase() : octal !== undefined ? `0o${octal}` : (decimal ?? '0'))
  return integerScalar(sign ?? '', magnitude)
}

function signedBinaryOf(text: string): Scalar | undefined {
  const match = text.length > 128 ? null : SIGNED_BINARY.exec(text)
  return match === null ? undefined : integerScalar(match[1] ?? '', BigInt(`0b${match[2]}`))
}

function integerScalar(sign: string, magnitude: bigint): Scalar | undefined {
  const value = sign === '-' ? -magnitude : magnitude
  const largest = sign === '' ? UINT64_MAX : INT64_MAX
  if (value < INT64_MIN || value > largest) return undefined
  const number = Number(value)
  return { tag: 'int', value: Number.isSafeInteger(number) ? number : value }
}

function floatOf(pattern: RegExp, text: string): Scalar | undefined {
  if (!pattern.test(text)) return undefined
  const value = Number(text)
  // Out of range is text, as in go-yaml. Minus zero has no meaning in Kubernetes and no text in JSON.stringify.
  return Number.isFinite(value) ? { tag: 'float', value: value === 0 ? 0 : value } : undefined
}
