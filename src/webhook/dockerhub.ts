import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import type { JsonObject } from '../model/json.ts'
import { idOfBody } from './delivery-id.ts'
import type { Announcement, Credentials, Verdict, WebhookProvider } from './provider.ts'
import { actorOf, decodeWith, imageOf, nameField } from './push-fields.ts'
import { equalTexts } from './signature.ts'

const pushSchema = z.object({
  push_data: z.object({ tag: z.string().min(1).max(128), pusher: nameField }),
  repository: z.object({ repo_name: z.string().min(1).max(255) }),
})

/**
 * Docker Hub signs nothing and sends no header of one's own: all that tells its requests from others is the URL that was written there. So the
 * secret is a parameter of it, `?token=…`; whoever reads it in some proxy's log can make gitwake compare applications again, and nothing more. The
 * payload's `callback_url` is never called.
 * https://docs.docker.com/docker-hub/repos/manage/webhooks/
 */
export const dockerHub: WebhookProvider = {
  name: 'dockerhub',
  credentialsOf: (values) => ({ signatureKeys: [], tokens: values }),
  authenticate,
  // The time of the push and the callback differ with every delivery.
  deliveryId: (_headers, bodyDigest) => idOfBody(bodyDigest),
  decode,
}

function authenticate(
  _headers: IncomingHttpHeaders,
  _body: Buffer,
  { tokens }: Credentials,
  _now: number,
  token: string | undefined,
): Verdict {
  if (token === undefined) return { authentic: false, reason: 'the URL has no token', hashed: 0 }
  let authentic = false
  for (const known of tokens) if (equalTexts(known, token)) authentic = true
  return { authentic, reason: "the URL's token does not match any", hashed: 0 }
}

function decode(_headers: IncomingHttpHeaders, payload: JsonObject): Announcement {
  const { push_data: pushed, repository } = decodeWith(pushSchema, payload)
  const image = imageOf(`docker.io/${repository.repo_name}:${pushed.tag}`)
  return { kind: 'image', images: [image], actor: actorOf(pushed.pusher) }
}
