import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import type { JsonObject } from '../model/json.ts'
import type { Push } from '../model/push.ts'
import { decodeRename } from './gitlab-rename.ts'
import { decodeMergeRequest } from './gitlab-merge-request.ts'
import { idOfBody, usableId } from './delivery-id.ts'
import type { Announcement, Credentials, Verdict, WebhookProvider } from './provider.ts'
import { header, malformed } from './provider.ts'
import { orIgnored } from './pull-request.ts'
import { actorOf, announce, decodeWith, isZero, nameField, objectIdField, refField, urlField, urlsOf } from './push-fields.ts'
import { equalTexts } from './signature.ts'
import { checkStandardSignature, isSigningKey, signingKeyOf } from './standard-signature.ts'

const urlsSchema = z
  .object({
    git_http_url: urlField,
    git_ssh_url: urlField,
    http_url: urlField,
    ssh_url: urlField,
    web_url: urlField,
    url: urlField,
  })
  .nullish()

const senderSchema = z.object({
  project: urlsSchema,
  repository: z.object({ git_http_url: urlField, git_ssh_url: urlField, homepage: urlField, url: urlField }).nullish(),
  user_username: nameField,
  user_name: nameField,
})
const changeSchema = z.object({ ref: refField, before: objectIdField, after: objectIdField })
const pushSchema = z.object({ ...senderSchema.shape, ...changeSchema.shape })
const updateSchema = z.object({ ...senderSchema.shape, changes: z.array(changeSchema).min(1) })

/** GitLab: signed webhooks (Standard Webhooks, GitLab 19 and later) and the secret token of older ones. */
export const gitlab: WebhookProvider = {
  name: 'gitlab',
  credentialsOf: (values) => ({
    signatureKeys: values.filter(isSigningKey).map(signingKeyOf),
    tokens: values.filter((value) => !isSigningKey(value)),
  }),
  authenticate,
  deliveryId,
  decode,
}

function authenticate(headers: IncomingHttpHeaders, body: Buffer, credentials: Credentials, now: number): Verdict {
  // Where both come the signature decides: a token, which anybody who saw one request knows, must not rescue a bad signature.
  if (headers['webhook-signature'] !== undefined) return checkStandardSignature(headers, body, credentials.signatureKeys, now)
  const token = header(headers, 'x-gitlab-token')
  if (token === undefined)
    return {
      authentic: false,
      reason: 'neither webhook-signature nor X-Gitlab-Token came',
      hashed: 0,
    }
  let authentic = false
  for (const known of credentials.tokens) if (equalTexts(known, token)) authentic = true
  return { authentic, reason: 'X-Gitlab-Token does not match any token', hashed: 0 }
}

function deliveryId(headers: IncomingHttpHeaders, bodyDigest: string): string {
  const own = usableId(header(headers, 'webhook-id')) ?? usableId(header(headers, 'idempotency-key'))
  if (own !== undefined) return own
  // The event's UUID is shared by all hooks that one event triggers.
  const event = usableId(header(headers, 'x-gitlab-event-uuid'))
  return event === undefined ? idOfBody(bodyDigest) : `${event.slice(0, 64)}-${bodyDigest.slice(0, 16)}`
}

function decode(headers: IncomingHttpHeaders, payload: JsonObject): Announcement {
  const event = header(headers, 'x-gitlab-event')
  if (event === undefined || !/^[A-Za-z][A-Za-z0-9 ]{0,63}$/u.test(event))
    throw malformed('The header X-Gitlab-Event is missing or malformed.')
  const kind = kindOf(event, payload)
  if (kind === 'push') return [toPush(decodeWith(pushSchema, payload))]
  if (kind === 'update') return pushesOf(payload)
  if (kind === 'merge request') return orIgnored(event, () => decodeMergeRequest(event, payload))
  if (kind === 'rename') return decodeRename(event, payload)
  return { kind: 'ignored', event, reason: `gitwake does not use the event ${event}` }
}

function kindOf(event: string, payload: JsonObject): 'push' | 'update' | 'merge request' | 'rename' | 'other' {
  if (event === 'Push Hook' || event === 'Tag Push Hook') return 'push'
  if (event === 'Merge Request Hook') return 'merge request'
  if (event !== 'System Hook') return 'other'
  const name = payload['event_name'] ?? payload['object_kind']
  if (name === 'push' || name === 'tag_push') return 'push'
  if (name === 'merge_request') return 'merge request'
  if (name === 'project_rename' || name === 'project_transfer') return 'rename'
  return name === 'repository_update' ? 'update' : 'other'
}

/** One event for a whole `git push`: it comes also where GitLab sends no push events because more than 3 refs moved. */
function pushesOf(payload: JsonObject): Announcement {
  const { changes, ...sender } = decodeWith(updateSchema, payload)
  return announce(
    'repository_update',
    changes.map((change) => toPush({ ...sender, ...change })),
  )
}

/**
 * GitLab does not say whether a push was forced, and a forced one also removes what its commit list does not name: so the
 * changed paths are never known, not only where the list is cut at 20 commits.
 */
function toPush(push: z.output<typeof pushSchema>): Push {
  return {
    kind: 'push',
    repositoryUrls: urlsOf(push.project, push.repository),
    ref: push.ref,
    before: push.before,
    after: push.after,
    created: isZero(push.before),
    deleted: isZero(push.after),
    forced: false,
    changedPaths: undefined,
    actor: actorOf(push.user_username, push.user_name),
  }
}
