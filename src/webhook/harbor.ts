import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import type { JsonObject } from '../model/json.ts'
import { idOfBody } from './delivery-id.ts'
import type { Announcement, Credentials, Verdict, WebhookProvider } from './provider.ts'
import { header, malformed } from './provider.ts'
import { actorOf, decodeWith, imageOf, nameField } from './push-fields.ts'
import { equalTexts } from './signature.ts'

const pushSchema = z.object({
  operator: nameField,
  event_data: z.object({
    resources: z.array(z.object({ digest: nameField, tag: nameField, resource_url: z.string().min(1).max(512) })).nullish(),
  }),
})

/** Beyond that one delivery names more than applications can listen to. */
const MOST_RESOURCES = 100

/**
 * Harbor, payload format "Default". It sends its "Auth Header" as `Authorization`, as it was written, and signs nothing, so that only TLS keeps others from reading
 * along.
 * https://goharbor.io/docs/latest/working-with-projects/project-configuration/configure-webhooks/
 */
export const harbor: WebhookProvider = {
  name: 'harbor',
  credentialsOf: (values) => ({ signatureKeys: [], tokens: values }),
  authenticate,
  deliveryId: (_headers, bodyDigest) => idOfBody(bodyDigest),
  decode,
}

function authenticate(headers: IncomingHttpHeaders, _body: Buffer, { tokens }: Credentials): Verdict {
  const given = header(headers, 'authorization')
  if (given === undefined) return { authentic: false, reason: 'no Authorization came', hashed: 0 }
  let authentic = false
  for (const known of tokens) if (equalTexts(known, given)) authentic = true
  return { authentic, reason: 'Authorization does not match any secret', hashed: 0 }
}

function decode(_headers: IncomingHttpHeaders, payload: JsonObject): Announcement {
  const { type: event } = payload
  if (typeof event !== 'string' || !/^[A-Za-z0-9._-]{1,64}$/u.test(event)) throw malformed('The field type is missing or malformed.')
  if (event !== 'PUSH_ARTIFACT') return { kind: 'ignored', event, reason: `gitwake does not use the event ${event}` }
  const { operator, event_data: data } = decodeWith(pushSchema, payload)
  const resources = (data.resources ?? []).slice(0, MOST_RESOURCES)
  if (resources.length === 0) return { kind: 'ignored', event, reason: 'it names no image' }
  return { kind: 'image', images: resources.map(({ resource_url: url }) => imageOf(url)), actor: actorOf(operator) }
}
