import type { IncomingHttpHeaders } from 'node:http'
import { GitwakeError } from '../model/error.ts'
import type { JsonObject } from '../model/json.ts'
import type { Ignored, ImagePush, Provider, PullRequest, Push, Rename } from '../model/push.ts'

/** What a receiver checks requests against. Both lists empty: nothing is authentic. */
export interface Credentials {
  /** HMAC keys; several while a secret is being rotated. */
  readonly signatureKeys: readonly Buffer[]
  /** Shared tokens that come in a header as they are. */
  readonly tokens: readonly string[]
}

export interface Verdict {
  readonly authentic: boolean
  /** For the log only, never for the sender. */
  readonly reason: string
  /** How many HMACs over the body it took: the receiver tops failures up to one constant number. */
  readonly hashed: number
}

/** What a request announces: one push, several (GitLab's `repository_update`), images, a pull request, another name, or nothing to do. */
export type Announcement = Ignored | ImagePush | PullRequest | Rename | readonly [Push, ...Push[]]

/** One kind of sender. The URL alone decides which one reads a request. */
export interface WebhookProvider {
  readonly name: Provider
  /** How one secret value of a repository's own is to be used. */
  credentialsOf(values: readonly string[]): Credentials
  /**
   * Looks at headers and raw bytes only; `now` in milliseconds since 1970. `token` is the URL's parameter of that name, for senders that can
   * neither sign nor send a header.
   */
  authenticate(headers: IncomingHttpHeaders, body: Buffer, credentials: Credentials, now: number, token: string | undefined): Verdict
  /** The sender's id of this delivery; one made from `bodyDigest` where it sends none that is usable. */
  deliveryId(headers: IncomingHttpHeaders, bodyDigest: string): string
  /** Throws GitwakeError `malformed-delivery` for what an authentic sender could not have meant. */
  decode(headers: IncomingHttpHeaders, payload: JsonObject): Announcement
}

/** The one header value; undefined where it is missing. Node joins repeated ones with ', ', which no format below accepts. */
export function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' ? value : undefined
}

export function malformed(message: string): GitwakeError {
  return new GitwakeError('malformed-delivery', message, {
    fix: 'Send the delivery as its sender made it; nothing between the two may change it (docs/guides/webhooks.md has the formats).',
  })
}
