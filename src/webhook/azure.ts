import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import type { JsonObject } from '../model/json.ts'
import { decodePullRequest } from './azure-pull-request.ts'
import { idOfBody } from './delivery-id.ts'
import type { Announcement, Credentials, Verdict, WebhookProvider } from './provider.ts'
import { header, malformed } from './provider.ts'
import { orIgnored } from './pull-request.ts'
import { actorOf, announce, decodeWith, isZero, nameField, objectIdField, refField, urlField, urlsOf } from './push-fields.ts'
import { equalTexts } from './signature.ts'

const pushSchema = z.object({
  resource: z.object({
    refUpdates: z.array(z.object({ name: refField, oldObjectId: objectIdField, newObjectId: objectIdField })).nullish(),
    repository: z.object({ remoteUrl: urlField, url: urlField }),
    pushedBy: z.object({ uniqueName: nameField, displayName: nameField }).nullish(),
  }),
})

/**
 * Azure DevOps (service hooks): HTTP Basic and no signature, so that only TLS keeps others from reading along. A secret is
 * `user:password`, or the password alone where any user name will do.
 * https://learn.microsoft.com/en-us/azure/devops/service-hooks/events?view=azure-devops#git.push
 */
export const azure: WebhookProvider = {
  name: 'azure',
  credentialsOf: (values) => ({ signatureKeys: [], tokens: values }),
  authenticate,
  // Each notification has an id in its body, so that equal bodies are one delivery.
  deliveryId: (_headers, bodyDigest) => idOfBody(bodyDigest),
  decode,
}

function authenticate(headers: IncomingHttpHeaders, _body: Buffer, { tokens }: Credentials): Verdict {
  const [, encoded] = /^basic ([A-Za-z0-9+/]+={0,2})$/iu.exec(header(headers, 'authorization') ?? '') ?? []
  if (encoded === undefined) return { authentic: false, reason: 'no HTTP Basic authentication came', hashed: 0 }
  const given = Buffer.from(encoded, 'base64').toString('utf8')
  const password = given.slice(given.indexOf(':') + 1)
  let authentic = false
  for (const known of tokens) if (equalTexts(known, known.includes(':') ? given : password)) authentic = true
  return { authentic, reason: 'the password does not match any', hashed: 0 }
}

function decode(_headers: IncomingHttpHeaders, payload: JsonObject): Announcement {
  const { eventType: event } = payload
  if (typeof event !== 'string' || !/^[A-Za-z0-9._-]{1,64}$/u.test(event)) throw malformed('The field eventType is missing or malformed.')
  if (/^git\.pullrequest\.(?:created|updated|merged)$/u.test(event)) return orIgnored(event, () => decodePullRequest(event, payload))
  if (event !== 'git.push') return { kind: 'ignored', event, reason: `gitwake does not use the event ${event}` }
  const { resource } = decodeWith(pushSchema, payload)
  const updates = resource.refUpdates ?? []
  if (updates.length === 0) return { kind: 'ignored', event, reason: 'it names no ref: the next poll finds what moved' }
  return announce(
    event,
    updates.map(({ name, oldObjectId, newObjectId }) => ({
      kind: 'push',
      repositoryUrls: urlsOf(resource.repository),
      ref: name,
      before: oldObjectId,
      after: newObjectId,
      created: isZero(oldObjectId),
      deleted: isZero(newObjectId),
      forced: false,
      changedPaths: undefined,
      actor: actorOf(resource.pushedBy?.uniqueName, resource.pushedBy?.displayName),
    })),
  )
}
