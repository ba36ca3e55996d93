import { isJsonObject, type Json, type JsonObject } from './json.ts'

/** What stands where a secret stood. */
export const MASKED = '***'

/** Shapes by which a credential gives itself away, whoever it belongs to. Each keeps what comes before it, so that the message stays readable. */
const SHAPES: readonly (readonly [RegExp, string])[] = [
  // userinfo in URLs: https://user:password@host (everything up to the last @ of the authority)
  [/\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#'"<>]{1,2048}@/gi, `$1${MASKED}@`],
  // HTTP credentials, as a header or in prose
  [/\b(bearer|basic)(\s+|:\s*)(?=[a-z0-9._~+/-]*[0-9._~+/=-])[a-z0-9._~+/-]{8,8192}=*/gi, `$1$2${MASKED}`],
  [
    /\b(authorization|proxy-authorization|private-token|x-gitlab-token|x-api-key|cookie|set-cookie)(["']?\s*[:=]\s*["']?)[^\s"',;][^"'\r\n]{0,8192}/gi,
    `$1$2${MASKED}`,
  ],
  // GitHub, GitLab, Slack, AWS, Standard Webhooks, JSON Web Tokens, age keys
  [/\b(gh[pousr]_)[A-Za-z0-9_]{10,512}/g, `$1${MASKED}`],
  [/\b(github_pat_)[A-Za-z0-9_]{10,512}/g, `$1${MASKED}`],
  [/\b(gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct|oas)-)[A-Za-z0-9_.-]{10,512}/g, `$1${MASKED}`],
  [/\b(whsec_)[A-Za-z0-9+/=_-]{8,512}/g, `$1${MASKED}`],
  [/\b(xox[abeoprs]-)[A-Za-z0-9-]{10,512}/g, `$1${MASKED}`],
  [/\b(A(?:KIA|SIA))[A-Z0-9]{16}\b/g, `$1${MASKED}`],
  [/\b(eyJ)[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{4,8192}\.[A-Za-z0-9_-]{0,8192}/g, `$1${MASKED}`],
  [/\b(AGE-SECRET-KEY-1)[A-Z0-9]{20,200}/g, `$1${MASKED}`],
  [/(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)[\s\S]{0,65536}?(-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g, `$1${MASKED}$2`],
  // key=value and "key": "value" of names that mean a secret
  [
    /\b((?:[a-z0-9_-]{0,40}[_-])?(?:password|passwd|secret|token|api[_-]?key|private[_-]?key|access[_-]?key))(=|"\s*:\s*")[^\s"'&;,]{1,8192}/gi,
    `$1$2${MASKED}`,
  ],
]

/** Text without what looks like a credential: userinfo in URLs, HTTP authorization, tokens of known shapes, private keys. */
export function maskSecrets(text: string): string {
  let masked = text
  for (const [shape, replacement] of SHAPES) masked = masked.replace(shape, replacement)
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
/** Enough for every secret of a large configuration; beyond it the oldest is forgotten. */
const MOST = 2000

/** A mask that knows these values (webhook secrets, API tokens, resolved credentials). */
export function createMask(values: Iterable<string> = []): Mask {
  const known = new Set<string>()
  let pattern: RegExp | undefined
  const add = (value: string): void => {
    if (known.has(value)) return
    known.add(value)
    if (known.size > MOST) known.delete(known.values().next().value ?? '')
    pattern = patternOf(known)
  }
  for (const value of values) add(value)
  const mask = (text: string): string => maskSecrets(pattern === undefined ? text : text.replace(pattern, MASKED))
  return Object.assign(mask, { add })
}

function patternOf(values: Iterable<string>): RegExp | undefined {
  const forms = new Set<string>()
  for (const value of values) for (const form of formsOf(value)) if (form.length >= SHORTEST) forms.add(form)
  if (forms.size === 0) return undefined
  // The longest form first: a secret that begins with another one must not leave its tail.
  const longestFirst = [...forms].sort((left, right) => right.length - left.length)
  return new RegExp(longestFirst.map((form) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'g')
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
