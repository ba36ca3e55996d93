import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import type { JsonObject } from '../model/json.ts'
import type { Push } from '../model/push.ts'
import { decodeCloudPullRequest, decodeDataCenterPullRequest } from './bitbucket-pull-request.ts'
import { idOfBody, usableId } from './delivery-id.ts'
import { checkHexSignature } from './hex-signature.ts'
import type { Announcement, WebhookProvider } from './provider.ts'
import { header, malformed } from './provider.ts'
import { orIgnored } from './pull-request.ts'
import { actorOf, announce, decodeWith, isZero, nameField, objectIdField, refField, urlField } from './push-fields.ts'

const side = z
  .object({ type: z.string().max(64), name: z.string().min(1).max(1000), target: z.object({ hash: objectIdField }).nullish() })
  .nullish()

/** https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/#Push */
const cloudSchema = z.object({
  actor: z.object({ nickname: nameField, display_name: nameField }).nullish(),
  repository: z.object({ links: z.object({ html: z.object({ href: urlField }).nullish() }).nullish() }),
  push: z.object({ changes: z.array(z.object({ old: side, new: side, forced: z.boolean().nullish() })) }),
})

/** https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html#Eventpayload-Push */
const dataCenterSchema = z.object({
  actor: z.object({ name: nameField, displayName: nameField }).nullish(),
  repository: z.object({ links: z.object({ clone: z.array(z.object({ href: urlField })).nullish() }).nullish() }),
  changes: z.array(
    z.object({
      ref: z.object({ id: refField }),
      fromHash: objectIdField,
      toHash: objectIdField,
      type: z.enum(['ADD', 'UPDATE', 'DELETE']),
    }),
  ),
})

/** Bitbucket Cloud and Bitbucket Data Center: one header for both signatures, two payloads. Neither lists changed files. */
export const bitbucket: WebhookProvider = {
  name: 'bitbucket',
  credentialsOf: (values) => ({ signatureKeys: values.map((value) => Buffer.from(value)), tokens: [] }),
  authenticate: (headers, body, { signatureKeys }) =>
    checkHexSignature(headers, body, signatureKeys, { header: 'x-hub-signature', prefix: 'sha256=' }),
  deliveryId: (headers, bodyDigest) =>
    usableId(header(headers, 'x-request-uuid')) ?? usableId(header(headers, 'x-request-id')) ?? idOfBody(bodyDigest),
  decode,
}

function decode(headers: IncomingHttpHeaders, payload: JsonObject): Announcement {
  const event = header(headers, 'x-event-key')
  if (event === undefined || !/^[a-z0-9_:-]{1,64}$/u.test(event)) throw malformed('The header X-Event-Key is missing or malformed.')
  if (event === 'repo:push') return announce(event, pushesOfCloud(payload))
  if (event === 'repo:refs_changed') return announce(event, pushesOfDataCenter(payload))
  if (event.startsWith('pullrequest:')) return orIgnored(event, () => decodeCloudPullRequest(event, payload))
  if (event.startsWith('pr:')) return orIgnored(event, () => decodeDataCenterPullRequest(event, payload))
  if (event === 'diagnostics:ping') return { kind: 'ignored', event, reason: 'ping: the webhook is set up' }
  return { kind: 'ignored', event, reason: `gitwake does not use the event ${event}` }
}

function pushesOfCloud(payload: JsonObject): readonly Push[] {
  const { actor, repository, push } = decodeWith(cloudSchema, payload)
  return push.changes.flatMap(({ old, new: next, forced }) => {
    const named = next ?? old
    const root = named?.type === 'tag' ? 'refs/tags' : 'refs/heads'
    if (!named || (named.type !== 'branch' && named.type !== 'tag')) return []
    return [
      {
        kind: 'push',
        repositoryUrls: texts([repository.links?.html?.href]),
        ref: decodeWith(refField, `${root}/${named.name}`),
        before: old?.target?.hash,
        after: next?.target?.hash,
        created: !old,
        deleted: !next,
        forced: forced === true,
        changedPaths: undefined,
        actor: actorOf(actor?.nickname, actor?.display_name),
      } as const,
    ]
  })
}

function pushesOfDataCenter(payload: JsonObject): readonly Push[] {
  const { actor, repository, changes } = decodeWith(dataCenterSchema, payload)
  return changes.map(({ ref, fromHash, toHash, type }) => ({
    kind: 'push',
    // Older ones send no links: then the webhook's own URL (/hooks/bitbucket/<repository>) names the repository.
    repositoryUrls: texts((repository.links?.clone ?? []).map(({ href }) => href)),
    ref: ref.id,
    before: fromHash,
    after: toHash,
    created: type === 'ADD' || isZero(fromHash),
    deleted: type === 'DELETE' || isZero(toHash),
    forced: false,
    changedPaths: undefined,
    actor: actorOf(actor?.name, actor?.displayName),
  }))
}

function texts(values: readonly (string | null | undefined)[]): readonly string[] {
  return values.flatMap((value) => (typeof value === 'string' && value !== '' ? [value] : []))
}
