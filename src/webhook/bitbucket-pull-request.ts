import { z } from 'zod'
import type { JsonObject } from '../model/json.ts'
import type { PullRequestAction } from '../model/push.ts'
import type { Announcement } from './provider.ts'
import { branchField, numberField, toPullRequest } from './pull-request.ts'
import { actorOf, decodeWith, nameField, urlField } from './push-fields.ts'

const cloudSide = z.object({
  branch: z.object({ name: branchField }),
  commit: z.object({ hash: nameField }).nullish(),
  repository: z.object({ full_name: z.string() }).nullish(),
})
const cloudSchema = z.object({
  actor: z.object({ nickname: nameField, display_name: nameField }).nullish(),
  repository: z.object({ links: z.object({ html: z.object({ href: urlField }).nullish() }).nullish() }),
  pullrequest: z.object({ id: numberField, source: cloudSide, destination: cloudSide }),
})
const cloudActions: Readonly<Record<string, PullRequestAction>> = {
  'pullrequest:created': 'opened',
  'pullrequest:updated': 'updated',
  'pullrequest:fulfilled': 'merged',
  'pullrequest:rejected': 'closed',
}

/** Commits are named by their first twelve digits. https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/#Pull-request-events */
export function decodeCloudPullRequest(event: string, payload: JsonObject): Announcement {
  const action = Object.hasOwn(cloudActions, event) ? cloudActions[event] : undefined
  if (action === undefined) return { kind: 'ignored', event, reason: `gitwake does not use the event ${event}` }
  const { actor, repository, pullrequest } = decodeWith(cloudSchema, payload)
  const { id, source, destination } = pullrequest
  return toPullRequest({
    event,
    repositoryUrls: hrefs([repository.links?.html]),
    number: id,
    action,
    source: source.branch.name,
    target: destination.branch.name,
    revision: source.commit?.hash,
    isFork: !source.repository || source.repository.full_name !== destination.repository?.full_name,
    actor: actorOf(actor?.nickname, actor?.display_name),
  })
}

const dataCenterSide = z.object({
  id: branchField,
  latestCommit: nameField,
  repository: z.object({
    id: z.number().nullish(),
    links: z.object({ clone: z.array(z.object({ href: urlField })).nullish() }).nullish(),
  }),
})
const dataCenterSchema = z.object({
  actor: z.object({ name: nameField, displayName: nameField }).nullish(),
  pullRequest: z.object({ id: numberField, fromRef: dataCenterSide, toRef: dataCenterSide }),
  previousTarget: z.object({ id: nameField }).nullish(),
})
const dataCenterActions: Readonly<Record<string, PullRequestAction>> = {
  'pr:opened': 'opened',
  'pr:from_ref_updated': 'updated',
  'pr:modified': 'updated',
  'pr:merged': 'merged',
  'pr:declined': 'closed',
  'pr:deleted': 'closed',
}

/** https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html#Eventpayload-Pullrequest */
export function decodeDataCenterPullRequest(event: string, payload: JsonObject): Announcement {
  const action = Object.hasOwn(dataCenterActions, event) ? dataCenterActions[event] : undefined
  if (action === undefined) return { kind: 'ignored', event, reason: `gitwake does not use the event ${event}` }
  const { actor, pullRequest, previousTarget } = decodeWith(dataCenterSchema, payload)
  const { id, fromRef, toRef } = pullRequest
  // A new title is a modification, too.
  const isSame = event === 'pr:modified' && (previousTarget?.id ?? toRef.id) === toRef.id
  return toPullRequest({
    event,
    repositoryUrls: hrefs(toRef.repository.links?.clone ?? []),
    number: id,
    action: isSame ? undefined : action,
    source: fromRef.id,
    target: toRef.id,
    revision: fromRef.latestCommit,
    isFork: typeof fromRef.repository.id !== 'number' || fromRef.repository.id !== toRef.repository.id,
    actor: actorOf(actor?.name, actor?.displayName),
  })
}

function hrefs(links: readonly ({ readonly href?: string | null | undefined } | null | undefined)[]): readonly string[] {
  return links.flatMap((link) => (typeof link?.href === 'string' && link.href !== '' ? [link.href] : []))
}
