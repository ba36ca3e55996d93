import { isJsonObject, parseJson, type Json, type JsonObject } from '../model/json.ts'
import { serverWords } from './server-words.ts'

/** What an answer of the API server with a status of 400 and above means to a sync. */
export type ApiErrorClass =
  | 'conflict'
  | 'not-found'
  | 'already-exists'
  | 'invalid'
  | 'immutable'
  | 'forbidden'
  | 'unauthorized'
  | 'typed-patch'
  | 'strict-decoding'
  | 'webhook-failed'
  | 'dry-run-unsupported'
  | 'namespace-missing'
  | 'namespace-terminating'
  | 'unknown-kind'
  | 'too-many-requests'
  | 'unavailable'
  | 'timeout'
  | 'gone'
  | 'other'

export interface AnswerProblem {
  readonly class: ApiErrorClass
  /** The same request may succeed later without anybody changing the commit. */
  readonly retryable: boolean
  /** The server's own words, cut to a readable length and without what they copy of the object. */
  readonly message: string
  /** The fields that the server named, as it writes them: `spec.replcias`. */
  readonly fields: readonly string[]
}

interface Answer {
  readonly status: number
  readonly text: string
  /** Of the request: it tells a missing namespace from a missing object. */
  readonly path: string
}

/** The parts of a Status object that tell answers apart, or those of an answer that is not JSON. */
interface Facts {
  readonly status: number
  readonly path: string
  readonly reason: string
  readonly message: string
  readonly detailsKind: string
  readonly causes: readonly {
    readonly reason: string
    readonly field: string
    readonly message: string
  }[]
  /** A Status object; the API server's outer filters answer in plain text. */
  readonly structured: boolean
}

interface Rule {
  readonly class: ApiErrorClass
  readonly retryable: boolean
  readonly when: (facts: Facts) => boolean
}

const IMMUTABLE =
  /field is immutable|is immutable after creation|updates to \S+ spec for fields other than|may not change fields|(may not|cannot) be (changed|updated|modified)( once set)?|may not change once set|cannot change roleRef/
/** A value comes before what is wrong with it, and may hold any text: only the end is the server's own. */
const IMMUTABLE_VALUE =
  /: (field is immutable.{0,40}|.{0,60}is immutable|.{0,60}(may not|cannot) be (changed|updated|modified)( once set)?|may not change once set|cannot change roleRef)$/i

/** In order: the first that holds decides. Texts are those of kube-apiserver 1.36; nothing but the text tells these answers apart. */
const RULES: readonly Rule[] = [
  // A typo or a doubled list key under server-side apply is answered like a crash of the server, but will never pass.
  rule('typed-patch', 'final', ({ message }) => message.includes('failed to create typed patch object')),
  rule('strict-decoding', 'final', ({ message }) => message.includes('strict decoding error')),
  rule('dry-run-unsupported', 'final', ({ message }) => message.includes('does not support dry run')),
  rule('webhook-failed', 'retryable', ({ message }) => /failed calling webhook|conversion webhook for .* failed/.test(message)),
  rule('namespace-terminating', 'retryable', isNamespaceTerminating),
  // Somebody else may create it, as somebody may grant a right: tried again now and then, but whoever waits is told now.
  rule('namespace-missing', 'final', isNamespaceMissing),
  rule('unknown-kind', 'final', isUnknownPath),
  rule('not-found', 'final', ({ status }) => status === 404),
  rule('already-exists', 'retryable', ({ status, reason }) => status === 409 && reason === 'AlreadyExists'),
  rule('conflict', 'retryable', ({ status }) => status === 409),
  rule('immutable', 'final', isImmutable),
  rule('invalid', 'final', ({ status }) => [400, 413, 415, 422].includes(status)),
  rule('unauthorized', 'retryable', ({ status }) => status === 401),
  // A quota frees itself; a missing right does not.
  rule('forbidden', 'retryable', ({ status, message }) => status === 403 && message.includes('exceeded quota')),
  rule('forbidden', 'final', ({ status }) => status === 403),
  rule('gone', 'retryable', ({ status, reason }) => status === 410 || reason === 'Expired'),
  rule('too-many-requests', 'retryable', ({ status }) => status === 429),
  rule('timeout', 'retryable', ({ status, reason }) => [408, 504].includes(status) || reason === 'ServerTimeout'),
  rule('unavailable', 'retryable', ({ status, message }) => [502, 503].includes(status) || message.includes('etcdserver:')),
  rule('other', 'retryable', ({ status }) => status >= 500),
]

/** Classifies an answer with a status of 400 and above. */
export function classifyAnswer(answer: Answer): AnswerProblem {
  const facts = factsOf(answer)
  const match = RULES.find(({ when }) => when(facts))
  return {
    class: match?.class ?? 'other',
    retryable: match?.retryable ?? false,
    message: serverWords(facts.message),
    fields: fieldsOf(facts),
  }
}

/**
 * Whether a 429 is about one kind only, so that the rest of the server is well: its storage cannot be read (a conversion webhook is
 * dead, or the watch cache is still being filled).
 */
export function isScopedRefusal(text: string): boolean {
  return /storage is \(re\)initializing|conversion webhook/.test(text)
}

function rule(name: ApiErrorClass, later: 'retryable' | 'final', when: Rule['when']): Rule {
  return { class: name, retryable: later === 'retryable', when }
}

/** Nothing but immutable fields: an object is deleted for it where that was asked for, so one other cause makes it an ordinary refusal. */
function isImmutable({ status, message, causes }: Facts): boolean {
  if (status !== 422) return false
  const reasons = causes.length === 0 ? [message.replace(/^.* is invalid: \S+: /, '')] : causes.map((cause) => cause.message)
  return reasons.every((reason) => (reason.startsWith('Forbidden: ') ? IMMUTABLE.test(reason) : IMMUTABLE_VALUE.test(reason)))
}

function isNamespaceTerminating({ status, message, causes }: Facts): boolean {
  return (
    status === 403 && (causes.some(({ reason }) => reason === 'NamespaceTerminating') || message.includes('because it is being terminated'))
  )
}

function isNamespaceMissing({ status, detailsKind, path }: Facts): boolean {
  return status === 404 && detailsKind === 'namespaces' && !/^\/api\/v1\/namespaces(\/[^/]+)?$/.test(path)
}

function isUnknownPath({ status, structured, message }: Facts): boolean {
  if (status !== 404) return false
  return !structured || message === 'the server could not find the requested resource' || message.startsWith('no matches for kind')
}

function factsOf({ status, text, path }: Answer): Facts {
  const body = statusObject(text)
  if (body === undefined) {
    return {
      status,
      path,
      reason: '',
      message: text.trim() || `the server answered ${status}`,
      detailsKind: '',
      causes: [],
      structured: false,
    }
  }
  const details = isJsonObject(body['details']) ? body['details'] : {}
  const causes = Array.isArray(details['causes']) ? details['causes'].filter((cause: Json) => isJsonObject(cause)) : []
  return {
    status,
    path,
    reason: textOf(body['reason']),
    message: textOf(body['message']) || `the server answered ${status}`,
    detailsKind: textOf(details['kind']),
    causes: causes.map((cause: JsonObject) => ({
      reason: textOf(cause['reason']),
      field: textOf(cause['field']),
      message: textOf(cause['message']),
    })),
    structured: true,
  }
}

function statusObject(text: string): JsonObject | undefined {
  if (!text.trimStart().startsWith('{')) return undefined
  try {
    const body = parseJson(text)
    return isJsonObject(body) && body['kind'] === 'Status' ? body : undefined
  } catch {
    return undefined
  }
}

/** From the causes, or where there are none from the texts of strict decoding and typed patches. */
function fieldsOf({ causes, message }: Facts): string[] {
  const named = causes.map(({ field }) => field.replace(/^\./, '')).filter((field) => field !== '' && field !== '[]')
  const quoted = [...message.matchAll(/(?:unknown|duplicate) field "([^"]+)"/g)].map((match) => match[1] ?? '')
  const typed = message.includes('typed patch')
    ? [...message.matchAll(/\s\.((?:[^\s:[\]]|\[[^\]]*\])+): /g)].map((match) => match[1] ?? '')
    : []
  return [...new Set([...named, ...quoted, ...typed])]
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}
