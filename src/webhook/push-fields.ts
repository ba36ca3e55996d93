import { z } from 'zod'
import { parseImage, type Image } from '../model/image.ts'
import { asLine } from '../model/line.ts'
import type { Json } from '../model/json.ts'
import type { Push } from '../model/push.ts'
import { malformed, type Announcement } from './provider.ts'

// What git-check-ref-format forbids in any ref. A name that is merely unwise (`refs/heads/--upload-pack=x`) is authentic and
// matches nothing: it must not be answered with a 4xx, and it never reaches git.
const impossible = /[\p{Cc} ~^:?*[\\]|\.\.|@\{|\/\/|\/$|\.$|\.lock(?:\/|$)|\/\./u

/** A fully qualified ref that Git could have. */
export const refField = z
  .string()
  .max(1024)
  .startsWith('refs/')
  .refine((ref) => !impossible.test(ref), 'is not a name Git allows')

/** A full object id, SHA-1 or SHA-256. */
export const objectIdField = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/u, 'is not a full object id')

export const urlField = z.string().max(2048).nullish()
export const nameField = z.string().nullish()

/** No object: the ref did not exist before, or does not after. */
export function isZero(objectId: string): boolean {
  return /^0+$/u.test(objectId)
}

/** A user's name as it may stand in a log line. */
export function actorOf(...names: readonly (string | null | undefined)[]): string | undefined {
  const name = names.find((candidate) => typeof candidate === 'string' && candidate !== '')
  return name === undefined || name === null ? undefined : asLine(name).slice(0, 200)
}

/** The URLs that are there, each once. */
export function urlsOf(...sources: readonly (Readonly<Record<string, unknown>> | null | undefined)[]): readonly string[] {
  const urls = new Set<string>()
  for (const source of sources) {
    for (const value of Object.values(source ?? {})) if (typeof value === 'string' && value !== '') urls.add(value)
  }
  if (urls.size === 0) throw malformed('The payload names no URL of its repository.')
  return [...urls]
}

/** Decodes a payload; the error names the first field that is wrong. */
export function decodeWith<Schema extends z.ZodType>(schema: Schema, payload: Json): z.output<Schema> {
  const result = schema.safeParse(payload, { error: ({ input }) => (input === undefined ? 'is missing' : undefined) })
  if (result.success) return result.data
  const [issue] = result.error.issues
  const { path = [], message = 'unknown' } = issue ?? {}
  throw malformed(`The payload's field ${path.join('.') || '(root)'} ${message.startsWith('is ') ? message : `is wrong: ${message}`}.`)
}

/** An image that a payload names. */
export function imageOf(text: string): Image {
  const image = parseImage(text)
  if (image === undefined) throw malformed('The payload names an image that no registry could have.')
  return image
}

/** The full name of a branch that a payload names by its short one. */
export function branchOf(name: string): string {
  return decodeWith(refField, name.startsWith('refs/') ? name : `refs/heads/${name}`)
}

/** Beyond that one delivery names more refs than applications can follow. */
const mostPushes = 100

/** What a list of moved refs announces. */
export function announce(event: string, pushes: readonly Push[]): Announcement {
  const [first, ...others] = pushes.slice(0, mostPushes)
  return first === undefined ? { kind: 'ignored', event, reason: 'no ref changed' } : [first, ...others]
}
