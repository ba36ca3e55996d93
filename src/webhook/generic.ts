import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import { isJsonObject, type JsonObject } from '../model/json.ts'
import { qualifyRef } from '../model/ref.ts'
import { idOfBody, usableId } from './delivery-id.ts'
import { checkHexSignature } from './hex-signature.ts'
import type { Announcement, WebhookProvider } from './provider.ts'
import { header, malformed } from './provider.ts'
import { actorOf, decodeWith, imageOf, nameField, objectIdField } from './push-fields.ts'
import { checkStandardSignature, signingKeyOf } from './standard-signature.ts'

const imageSchema = z.object({ image: z.string().min(1).max(512), actor: nameField })
const pushSchema = z.object({
  repository: z.string().min(1).max(2048).nullish(),
  ref: z.string().min(1).max(1024),
  revision: objectIdField.nullish(),
  actor: nameField,
})

/** Pipelines and anything that speaks Standard Webhooks: `{"repository": URL, "ref": "main", "revision": SHA}`, as it is or as `data`; or `{"image": "ghcr.io/acme/shop:1.2"}`. */
export const standard: WebhookProvider = {
  name: 'standard',
  credentialsOf: (values) => ({ signatureKeys: values.map(signingKeyOf), tokens: [] }),
  authenticate: (headers, body, { signatureKeys }, now) => checkStandardSignature(headers, body, signatureKeys, now),
  deliveryId: (headers, bodyDigest) => usableId(header(headers, 'webhook-id')) ?? idOfBody(bodyDigest),
  decode: (_headers, payload) => decode(isJsonObject(payload['data']) ? payload['data'] : payload),
}

/** Scripts with nothing but openssl and curl: the same body, its HMAC-SHA256 in `X-Signature-256: sha256=<hex>`. */
export const plainHmac: WebhookProvider = {
  name: 'hmac',
  credentialsOf: (values) => ({ signatureKeys: values.map((value) => Buffer.from(value)), tokens: [] }),
  authenticate: (headers, body, { signatureKeys }) =>
    checkHexSignature(headers, body, signatureKeys, { header: 'x-signature-256', prefix: 'sha256=' }),
  deliveryId: (headers) => idOfScript(headers),
  decode: (_headers, payload) => decode(payload),
}

/** A script says the same with every push: without an id of its own, each request is a delivery. Whoever repeats one only makes gitwake look. */
function idOfScript(headers: IncomingHttpHeaders): string {
  return usableId(header(headers, 'idempotency-key')) ?? usableId(header(headers, 'x-request-id')) ?? `request-${randomUUID()}`
}

function decode(payload: JsonObject): Announcement {
  if ('image' in payload) return decodeImage(payload)
  const { repository, ref, revision, actor } = decodeWith(pushSchema, payload)
  const qualified = qualifyRef(ref)
  if (qualified === undefined) throw malformed("The payload's field ref is no name that Git allows.")
  return [
    {
      kind: 'push',
      repositoryUrls: typeof repository === 'string' ? [repository] : [],
      ref: qualified,
      before: undefined,
      after: revision ?? undefined,
      created: false,
      deleted: false,
      forced: false,
      changedPaths: undefined,
      actor: actorOf(actor),
    },
  ]
}

function decodeImage(payload: JsonObject): Announcement {
  const { image, actor } = decodeWith(imageSchema, payload)
  return { kind: 'image', images: [imageOf(image)], actor: actorOf(actor) }
}
