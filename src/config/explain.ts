import { z } from 'zod'
import { suggestion } from '../model/nearest.ts'

/** A problem of shape within one document. */
export interface Finding {
  readonly path: string
  readonly message: string
}

/** Collects what is wrong in one document; the value made of it is used only where nothing was. */
export type Report = (finding: Finding) => void

type Issue = z.core.$ZodIssue

/** Fields under which people try to write the secret itself, and the field that says where it stands instead. */
const INLINE_SECRETS: Readonly<Record<string, string>> = {
  password: 'passwordFrom',
  token: 'passwordFrom',
  privatekey: 'privateKeyFrom',
  knownhosts: 'knownHostsFrom',
  kubeconfig: 'kubeconfigFrom',
  webhooksecret: 'webhookSecretFrom',
  secret: 'webhookSecretFrom',
  clientsecret: 'clientSecretFrom',
}

/** Where in a Repository the reference belongs. */
const HOLDERS: Readonly<Record<string, string>> = { passwordFrom: 'credentials.', privateKeyFrom: 'ssh.', knownHostsFrom: 'ssh.' }

/** One issue of the schema as sentences for people; an unknown field names the one that was probably meant. */
export function explain(issue: Issue, schema: z.ZodType, document: unknown): readonly Finding[] {
  const path = displayPath(issue.path)
  const value = valueAt(document, issue.path)
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: displayPath([...issue.path, key]),
        message: unknownField(key, fieldsAt(schema, issue.path)),
      }))
    case 'invalid_type':
      return [{ path, message: value === undefined ? 'is missing' : wrongType(String(issue.path.at(-1)), issue.expected, value) }]
    case 'invalid_value':
      return [{ path, message: wrongValue(issue.values.map(String), value) }]
    case 'invalid_union':
      return [{ path, message: `must be text or a list of text, not ${describe(value)}${isScalar(value) ? ': put it in quotes' : ''}` }]
    case 'invalid_format':
      return [{ path, message: wrongFormat(issue.path, String(value)) }]
    case 'too_small':
      return [{ path, message: 'must not be empty' }]
    case 'too_big':
      return [{ path, message: `must be at most ${issue.maximum} characters long` }]
    default:
      return [{ path, message: issue.message }]
  }
}

function unknownField(key: string, known: readonly string[]): string {
  const reference = key === 'token' && known.includes('tokenFrom') ? 'tokenFrom' : INLINE_SECRETS[key.toLowerCase()]
  if (reference !== undefined) {
    const holder = known.includes(reference) ? reference : `${HOLDERS[reference] ?? ''}${reference}`
    return `secrets never stand in the configuration: write ${holder}: {env: NAME} or ${holder}: {file: PATH}`
  }
  if (key === 'value' && known.includes('env')) return 'secrets never stand in the configuration: write {env: NAME} or {file: PATH}'
  return `is not a field${suggestion(key, known)}`
}

function wrongType(field: string, expected: string, value: unknown): string {
  // Text is never repeated: somebody may have written the secret itself where its place belongs.
  const found = describe(value)
  if (expected === 'string' && isScalar(value)) return `must be text, not the ${found}: put it in quotes`
  const wanted: Readonly<Record<string, string>> = { string: 'text', boolean: 'true or false', array: 'a list', object: 'a mapping' }
  const hint = expected === 'object' && typeof value === 'string' && field.endsWith('From') ? ': write {env: NAME} or {file: PATH}' : ''
  return `must be ${wanted[expected] ?? expected}, not ${found}${hint}`
}

function isScalar(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'boolean'
}

function describe(value: unknown): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return 'text'
  return typeof value === 'object' ? 'a mapping' : `${typeof value} ${String(value)}`
}

function wrongValue(allowed: readonly string[], value: unknown): string {
  if (value === undefined) return `is missing: write ${allowed.join(' or ')}`
  return `must be ${allowed.join(' or ')}, not ${JSON.stringify(value)?.slice(0, 60) ?? 'that'}${typeof value === 'string' ? didYouMean(value, allowed) : ''}`
}

function didYouMean(value: string, allowed: readonly string[]): string {
  return allowed.length > 1 ? suggestion(value, allowed) : ''
}

function wrongFormat(path: readonly PropertyKey[], value: string): string {
  const field = String(path.at(-1))
  // Somebody may have written the token itself.
  if (field === 'hash') return 'must be sha256: and 64 hexadecimal digits, as gitwake token prints it; the token itself never stands here'
  const shown = JSON.stringify(value.slice(0, 60))
  if (/(?:Interval|[Tt]imeout|duration|initial|max|maxAge)$/.test(field)) return `must be a duration such as 30s, 1m or 1h, not ${shown}`
  if (field === 'expires') return `must be a day or a time in UTC, such as 2027-01-31 or 2027-01-31T12:00:00Z, not ${shown}`
  if (field === 'env') return 'must be the name of an environment variable (letters, digits and _); the value itself never stands here'
  return `must be lower-case letters, digits and hyphens, beginning and ending with a letter or digit, not ${shown}`
}

function valueAt(document: unknown, path: readonly PropertyKey[]): unknown {
  let value = document
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = Reflect.get(value, key)
  }
  return value
}

/** The fields that the schema knows at a path. */
function fieldsAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let current: unknown = schema
  for (const key of path) {
    current = unwrap(current)
    if (current instanceof z.ZodArray) current = current.element
    else current = current instanceof z.ZodObject ? current.shape[String(key)] : undefined
  }
  current = unwrap(current)
  return current instanceof z.ZodObject ? Object.keys(current.shape) : []
}

function unwrap(schema: unknown): unknown {
  return schema instanceof z.ZodOptional ? unwrap(schema.unwrap()) : schema
}

function displayPath(path: readonly PropertyKey[]): string {
  return path.map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`)).join('')
}
