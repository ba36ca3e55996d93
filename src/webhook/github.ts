import type { IncomingHttpHeaders } from 'node:http'
import type { EmitterWebhookEvent } from '@octokit/webhooks'
import { z } from 'zod'
import type { JsonObject } from '../model/json.ts'
import type { Push } from '../model/push.ts'
import { idOfBody, usableId } from './delivery-id.ts'
import { decodePackage } from './github-package.ts'
import { decodePullRequest } from './github-pull-request.ts'
import { decodeRepository } from './github-repository.ts'
import { checkHexSignature } from './hex-signature.ts'
import type { Announcement, WebhookProvider } from './provider.ts'
import { header, malformed } from './provider.ts'
import { orIgnored } from './pull-request.ts'
import { actorOf, decodeWith, isZero, nameField, objectIdField, refField, urlField, urlsOf } from './push-fields.ts'

type GitHubPush = EmitterWebhookEvent<'push'>['payload']

const repositorySchema = z.object({
  clone_url: urlField,
  ssh_url: urlField,
  git_url: urlField,
  html_url: urlField,
  url: urlField,
} satisfies Partial<Record<keyof GitHubPush['repository'], typeof urlField>>)

const pathsField = z.array(z.string()).nullish()

const commitSchema = z.object({
  id: z.string(),
  added: pathsField,
  modified: pathsField,
  removed: pathsField,
} satisfies Partial<Record<keyof GitHubPush['commits'][number], unknown>>)

const pushSchema = z.object({
  ref: refField,
  before: objectIdField,
  after: objectIdField,
  created: z.boolean().nullish(),
  deleted: z.boolean().nullish(),
  forced: z.boolean().nullish(),
  repository: repositorySchema,
  commits: z.array(commitSchema).nullish(),
  pusher: z.object({ name: nameField }).nullish(),
  sender: z.object({ login: nameField }).nullish(),
} satisfies Partial<Record<keyof GitHubPush, unknown>>)

// GitHub puts at most 2048 commits into a push: https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
const mostCommits = 2048
// Beyond that a list costs more to keep than to find out again from the trees.
const mostPaths = 1000

/**
 * `X-Hub-Signature-256` only: the older SHA-1 header is never looked at. Not by @octokit/webhooks' own `verify`: that takes text,
 * and what has been signed is bytes (invalid UTF-8 would be decoded, and 25 MiB copied, before anybody is known to have sent them).
 */
const signature = { header: 'x-hub-signature-256', prefix: 'sha256=' }

/** GitHub and GitHub Enterprise Server. */
export const github: WebhookProvider = {
  name: 'github',
  credentialsOf: (values) => ({
    signatureKeys: values.map((value) => Buffer.from(value)),
    tokens: [],
  }),
  authenticate: (headers, body, { signatureKeys }) => checkHexSignature(headers, body, signatureKeys, signature),
  deliveryId: (headers, bodyDigest) => usableId(header(headers, 'x-github-delivery')) ?? idOfBody(bodyDigest),
  decode,
}

function decode(headers: IncomingHttpHeaders, payload: JsonObject): Announcement {
  const event = header(headers, 'x-github-event')
  if (event === undefined || !/^[a-z0-9_]{1,64}$/u.test(event)) throw malformed('The header X-GitHub-Event is missing or malformed.')
  if (event === 'ping') return { kind: 'ignored', event, reason: 'ping: the webhook is set up' }
  if (event === 'registry_package' || event === 'package') return decodePackage(event, payload)
  if (event === 'pull_request') return orIgnored(event, () => decodePullRequest(payload))
  if (event === 'repository') return decodeRepository(payload)
  if (event !== 'push') return { kind: 'ignored', event, reason: `gitwake does not use the event ${event}` }
  return [decodePush(payload)]
}

function decodePush(payload: JsonObject): Push {
  const push = decodeWith(pushSchema, payload)
  return {
    kind: 'push',
    repositoryUrls: urlsOf(push.repository),
    ref: push.ref,
    before: push.before,
    after: push.after,
    created: push.created === true || isZero(push.before),
    deleted: push.deleted === true || isZero(push.after),
    forced: push.forced === true,
    changedPaths: changedPathsOf(push),
    actor: actorOf(push.sender?.login, push.pusher?.name),
  }
}

/** Known only for a fast-forward whose commits are all listed, with all their files. */
function changedPathsOf({ commits, created, forced, before, after }: z.output<typeof pushSchema>): readonly string[] | undefined {
  if (!commits || commits.length === 0 || commits.length >= mostCommits) return undefined
  if (created === true || forced === true || isZero(before) || commits.at(-1)?.id !== after) return undefined
  const paths = new Set<string>()
  for (const { added, modified, removed } of commits) {
    if (!added || !modified || !removed) return undefined
    for (const path of [...added, ...modified, ...removed]) {
      // A name that is no UTF-8, or quoted as git does it, is not the name that the tree has.
      if (path.includes('\uFFFD') || path.startsWith('"')) return undefined
      paths.add(path)
    }
    if (paths.size > mostPaths) return undefined
  }
  return [...paths]
}
