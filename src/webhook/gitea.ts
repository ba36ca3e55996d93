import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import type { JsonObject } from '../model/json.ts'
import { idOfBody, usableId } from './delivery-id.ts'
import { decodePullRequest } from './gitea-pull-request.ts'
import { checkHexSignature } from './hex-signature.ts'
import type { Announcement, WebhookProvider } from './provider.ts'
import { header, malformed } from './provider.ts'
import { orIgnored } from './pull-request.ts'
import { actorOf, decodeWith, isZero, nameField, objectIdField, refField, urlField, urlsOf } from './push-fields.ts'

const pushSchema = z.object({
  ref: refField,
  before: objectIdField,
  after: objectIdField,
  repository: z.object({ clone_url: urlField, ssh_url: urlField, html_url: urlField }),
  pusher: z.object({ login: nameField, username: nameField }).nullish(),
  sender: z.object({ login: nameField, username: nameField }).nullish(),
})

/**
 * Gitea and Forgejo. Both also send GitHub's and Gogs' headers, for receivers that know no other; here only their own count.
 * https://docs.gitea.com/usage/webhooks, https://forgejo.org/docs/latest/user/webhooks/
 */
export const gitea: WebhookProvider = {
  name: 'gitea',
  credentialsOf: (values) => ({ signatureKeys: values.map((value) => Buffer.from(value)), tokens: [] }),
  authenticate: (headers, body, { signatureKeys }) =>
    checkHexSignature(headers, body, signatureKeys, { header: own(headers, 'signature'), prefix: '' }),
  deliveryId: (headers, bodyDigest) => usableId(header(headers, own(headers, 'delivery'))) ?? idOfBody(bodyDigest),
  decode,
}

/** Forgejo's name of a header where the sender is one, else Gitea's: one family decides, never a mixture. */
function own(headers: IncomingHttpHeaders, name: 'signature' | 'delivery' | 'event'): string {
  return headers['x-forgejo-event'] === undefined ? `x-gitea-${name}` : `x-forgejo-${name}`
}

function decode(headers: IncomingHttpHeaders, payload: JsonObject): Announcement {
  const event = header(headers, own(headers, 'event'))
  if (event === undefined || !/^[a-z0-9_]{1,64}$/u.test(event))
    throw malformed('The header X-Gitea-Event or X-Forgejo-Event is missing or malformed.')
  if (event === 'delete') return { kind: 'ignored', event, reason: 'branch or tag deleted: nothing is pruned' }
  if (event === 'pull_request' || event === 'pull_request_sync') return orIgnored(event, () => decodePullRequest(event, payload))
  if (event !== 'push') return { kind: 'ignored', event, reason: `gitwake does not use the event ${event}` }
  const push = decodeWith(pushSchema, payload)
  return [
    {
      kind: 'push',
      repositoryUrls: urlsOf(push.repository),
      ref: push.ref,
      before: push.before,
      after: push.after,
      created: isZero(push.before),
      deleted: isZero(push.after),
      // Neither says whether a push was forced, and a forced one also removes what no listed commit names.
      forced: false,
      changedPaths: undefined,
      actor: actorOf(push.sender?.login, push.pusher?.login, push.pusher?.username),
    },
  ]
}
