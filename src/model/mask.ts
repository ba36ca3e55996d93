import { isJsonObject, type Json, type JsonObject } from './json.ts'

/** What stands where a secret stood. */
export const MASKED = '***'

/**
 * Shapes by which a credential gives itself away, whoever it belongs to: something that every text with it has (in any case), the shape, and what
 * stands there instead. Each keeps what comes before it, so that the message stays readable.
 */
const SHAPES: readonly (readonly [hint: string, shape: RegExp, instead: string])[] = [
  // userinfo in URLs: https://user:password@host (everything up to the last @ of the authority)
  ['://', /\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#'"<>]{1,2048}@/gi, `$1${MASKED}@`],
  // HTTP credentials, as a header or in prose
  ['bearer|basic', /\b(bearer|basic)(\s+|:\s*)(?=[a-z0-9._~+/-]*[0-9._~+/=-])[a-z0-9._~+/-]{8,8192}=*/gi, `$1$2${MASKED}`],
  [
    'authorization|-token|-api-key|cookie',
    /\b(authorization|proxy-authorization|private-token|x-gitlab-token|x-api-key|cookie|set-cookie)(["']?\s*[:=]\s*["']?)[^\s"',;][^"'\r\n]{0,8192}/gi,
    `$1$2${MASKED}`,
  ],
  // GitHub, GitLab, Slack, AWS, Standard Webhooks, JSON Web Tokens, age keys
  ['gh[pousr]_', /\b(gh[pousr]_)[A-Za-z0-9_]{10,512}/g, `$1${MASKED}`],
  ['github_pat_', /\b(github_pat_)[A-Za-z0-9_]{10,512}/g, `$1${MASKED}`],
  ['gl[a-z]+-', /\b(gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct|oas)-)[A-Za-z0-9_.-]{10,512}/g, `$1${MASKED}`],
  ['whsec_', /\b(whsec_)[A-Za-z0-9+/=_-]{8,512}/g, `$1${MASKED}`],
  ['xox', /\b(xox[abeoprs]-)[A-Za-z0-9-]{10,512}/g, `$1${MASKED}`],
  ['A(?:KIA|SIA)', /\b(A(?:KIA|SIA))[A-Z0-9]{16}\b/g, `$1${MASKED}`],
  ['eyJ', /\b(eyJ)[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{4,8192}\.[A-Za-z0-9_-]{0,8192}/g, `$1${MASKED}`],
  ['AGE-SECRET', /\b(AGE-SECRET-KEY-1)[A-Z0-9]{20,200}/g, `$1${MASKED}`],
  ['-----BEGIN', /(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)[\s\S]{0,65536}?(-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g, `$1${MASKED}$2`],
  // key=value and "key": "value" of names that mean a secret
  [
    'passw|secret|token|key',
    /\b((?:[a-z0-9_-]{0,40}[_-])?(?:password|passwd|secret|token|api[_-]?key|private[_-]?key|access[_-]?key))(=|"\s*:\s*")[^\s"'&;,]{1,8192}/gi,
    `$1$2${MASKED}`,
  ],
]

/** Most texts hold none of the shapes, and one look tells. */
const HINT = new RegExp(SHAPES.map(([hint]) => hint).join('|'), 'i')

/** Text without what looks like a credential: userinfo in URLs, HTTP authorization, tokens of known shapes, private keys. */
export function maskSecrets(text: string): string {
  if (!HINT.test(text)) return text
  let masked = text
  for (const [, shape, instead] of SHAPES) masked = masked.replace(shape, instead)
  return masked
}

/** The one masking function of a process: known shapes, and the values it was told. */
export interface Mask {
  (text: string): string
  /** From now on this value is masked wherever it occurs, in base64 and percent-encoded form too. */
  readonly add: (value: string) => void
}

/** Values shorter than this are not masked by value: they would hit innocent text. */
const SHORTEST = 6
/** Enough for every secret of a large configuration; the oldest beyond it are forgotten, many at a time. */
const MOST = 2000

/** A mask that knows these values (webhook secrets, API tokens, resolved credentials, the Secrets of an application). */
export function createMask(values: Iterable<string> = []): Mask {
  const known = new Set<string>()
  let forms: Forms = new Map()
  const add = (value: string): void => {
    if (known.has(value)) return
    known.add(value)
    learn(forms, value)
    if (known.size < 2 * MOST) return
    for (const oldest of [...known].slice(0, MOST)) known.delete(oldest)
    forms = new Map()
    for (const kept of known) learn(forms, kept)
  }
  for (const value of values) add(value)
  return Object.assign((text: string): string => maskSecrets(maskKnown(text, forms)), { add })
}

/**
 * First character → first six → what begins so. (One regular expression of all of them takes seconds to compile for a few hundred
 * certificates.)
 */
type Forms = Map<number, Map<string, Set<string>>>

function learn(forms: Forms, value: string): void {
  for (const form of formsOf(value)) {
    if (form.length < SHORTEST) continue
    const first = form.charCodeAt(0)
    const beginnings = forms.get(first) ?? new Map<string, Set<string>>()
    const beginning = form.slice(0, SHORTEST)
    forms.set(first, beginnings.set(beginning, (beginnings.get(beginning) ?? new Set()).add(form)))
  }
}

function maskKnown(text: string, forms: Forms): string {
  if (forms.size === 0) return text
  let masked = ''
  let from = 0
  for (let at = 0; at + SHORTEST <= text.length; at += 1) {
    const length = longestAt(text, at, forms)
    if (length === 0) continue
    masked += text.slice(from, at) + MASKED
    from = at + length
    at = from - 1
  }
  return from === 0 ? text : masked + text.slice(from)
}

/** The longest: a secret that begins with another one must not leave its tail. */
function longestAt(text: string, at: number, forms: Forms): number {
  let longest = 0
  const candidates = forms.get(text.charCodeAt(at))?.get(text.slice(at, at + SHORTEST)) ?? []
  for (const form of candidates) if (form.length > longest && text.startsWith(form, at)) longest = form.length
  return longest
}

/** A value as it may turn up: plain, each of its lines, JSON-escaped, percent-encoded, in base64 of both alphabets. */
function formsOf(value: string): readonly string[] {
  const whole = value.trim()
  if (whole.length < SHORTEST) return []
  const bytes = Buffer.from(value)
  const lines = whole
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line.length >= 16)
  const base64 = [value, whole].map((text) => Buffer.from(text).toString('base64').replace(/=+$/, ''))
  const escaped = JSON.stringify(whole).slice(1, -1)
  return [whole, escaped, encodeURIComponentSafely(whole), ...lines, ...base64, bytes.toString('base64url')]
}

function encodeURIComponentSafely(text: string): string {
  try {
    return encodeURIComponent(text)
  } catch {
    return text // a lone surrogate has no percent-encoded form
  }
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** A manifest as it may be shown: every value of a Secret's data and stringData is `***`, its keys stay. */
export function maskManifest<Value extends JsonObject>(manifest: Value): JsonObject {
  if (manifest['kind'] === 'List' && Array.isArray(manifest['items'])) {
    return { ...manifest, items: manifest['items'].map((item: Json) => (isJsonObject(item) ? maskManifest(item) : item)) }
  }
  if (manifest['kind'] !== 'Secret' || manifest['apiVersion'] !== 'v1') return manifest
  const masked: Record<string, Json | undefined> = { ...manifest }
  for (const field of ['data', 'stringData']) if (masked[field] !== undefined) masked[field] = maskValues(masked[field])
  const metadata = masked['metadata']
  if (isJsonObject(metadata)) masked['metadata'] = maskLastApplied(metadata)
  return masked
}

function maskValues(value: Json): Json {
  return isJsonObject(value) ? Object.fromEntries(Object.keys(value).map((key) => [key, MASKED])) : MASKED
}

function maskLastApplied(metadata: JsonObject): JsonObject {
  const annotations = metadata['annotations']
  if (!isJsonObject(annotations) || annotations[LAST_APPLIED] === undefined) return metadata
  return { ...metadata, annotations: { ...annotations, [LAST_APPLIED]: MASKED } }
}

/** Names behind which a credential stands, whatever its shape: `DB_PASSWORD`, `api-key`, `clientSecret`. */
const CREDENTIAL =
  /(?:pass(?:word|wd|phrase)|secret|token|credentials?|(?:api|access|private|secret|encryption|signing|account|auth)[_.-]?key|connection[_.-]?string|dsn)(?:[_.-]?(?:hash|base64|b64|\d+))?$/i

/** The same in text that a ConfigMap carries: `password: x` in YAML, `password = x` in properties files. */
const CREDENTIAL_LINE =
  /^([ \t]*(?:-[ \t]+)?["']?[\w.-]{0,60}(?:pass(?:word|wd|phrase)|secret|token|credentials?|(?:api|access|private|secret)[_.-]?key)["']?[ \t]*[:=][ \t]*)[^\s|>{[][^\r\n]*/gim

/** Where a value stands in an object: the names of members and, for the items of a list, what names them. */
export type FieldNames = readonly string[]

/**
 * A value of an object as it may be shown. Nothing of a Secret's data is; elsewhere nothing that stands behind the name of a credential or
 * has the shape of one. `mask` knows further values.
 */
export function maskValue(value: Json, names: FieldNames, isSecret: boolean, mask: (text: string) => string = maskSecrets): Json {
  if (isHidden(names, isSecret)) return MASKED
  if (typeof value === 'string') return isCredential(names) ? MASKED : maskText(value, mask)
  if (typeof value === 'number' || typeof value === 'bigint') return isCredential(names) ? MASKED : value
  if (Array.isArray(value)) return maskItems(value, names, isSecret, mask)
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, item]) =>
      item === undefined ? [] : [[name, maskValue(item, [...names, name], isSecret, mask)] as const],
    ),
  )
}

/** Text without what looks like a credential, and without what stands behind the name of one. */
function maskText(text: string, mask: (text: string) => string): string {
  return mask(text).replace(CREDENTIAL_LINE, `$1${MASKED}`)
}

/** `["--password", "x"]`: the argument after the name of a credential is one. */
function maskItems(items: readonly Json[], names: FieldNames, isSecret: boolean, mask: (text: string) => string): Json {
  return items.map((item, index) => {
    const before = items[index - 1]
    const follows = typeof before === 'string' && before.startsWith('-') && CREDENTIAL.test(before)
    const named = isJsonObject(item) && typeof item['name'] === 'string' ? [...names, item['name']] : names
    return follows && typeof item === 'string' ? MASKED : maskValue(item, named, isSecret, mask)
  })
}

function isHidden([first, second, third]: FieldNames, isSecret: boolean): boolean {
  if (first === 'metadata' && second === 'annotations' && third === LAST_APPLIED) return true
  return isSecret && second !== undefined && (first === 'data' || first === 'stringData')
}

/** The name itself, or for `value` the name of what it is the value of. */
function isCredential(names: FieldNames): boolean {
  const last = names.at(-1) ?? ''
  return CREDENTIAL.test(last === 'value' ? (names.at(-2) ?? '') : last)
}

/** Every value of a Secret, decoded where it stands in base64: what a mask should know, because it may turn up anywhere else. */
export function secretValues(manifest: JsonObject): readonly string[] {
  if (manifest['kind'] !== 'Secret' || manifest['apiVersion'] !== 'v1') return []
  const { data, stringData } = manifest
  const plain = Object.values(isJsonObject(stringData) ? stringData : {})
  const encoded = Object.values(isJsonObject(data) ? data : {}).flatMap((value) =>
    typeof value === 'string' ? [value, Buffer.from(value, 'base64').toString('utf8')] : [],
  )
  return [...plain, ...encoded].filter((value) => typeof value === 'string')
}
