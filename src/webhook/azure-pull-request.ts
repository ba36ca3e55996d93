import { z } from 'zod'
import type { JsonObject } from '../model/json.ts'
import type { PullRequestAction } from '../model/push.ts'
import type { Announcement } from './provider.ts'
import { branchField, numberField, toPullRequest } from './pull-request.ts'
import { actorOf, decodeWith, nameField, urlField, urlsOf } from './push-fields.ts'

const schema = z.object({
  resource: z.object({
    pullRequestId: numberField,
    status: nameField,
    sourceRefName: branchField,
    targetRefName: branchField,
    lastMergeSourceCommit: z.object({ commitId: nameField }).nullish(),
    forkSource: z.unknown().optional(),
    repository: z.object({ remoteUrl: urlField, url: urlField }),
    createdBy: z.object({ uniqueName: nameField, displayName: nameField }).nullish(),
  }),
})

/**
 * `git.pullrequest.merged` only says that a merge was tried: the status alone tells what has become of it.
 * https://learn.microsoft.com/en-us/azure/devops/service-hooks/events?view=azure-devops#git.pullrequest.created
 */
export function decodePullRequest(event: string, payload: JsonObject): Announcement {
  const { resource } = decodeWith(schema, payload)
  return toPullRequest({
    event,
    repositoryUrls: urlsOf(resource.repository),
    number: resource.pullRequestId,
    action: actionOf(event, resource.status),
    source: resource.sourceRefName,
    target: resource.targetRefName,
    revision: resource.lastMergeSourceCommit?.commitId,
    isFork: resource.forkSource !== undefined && resource.forkSource !== null,
    actor: actorOf(resource.createdBy?.uniqueName, resource.createdBy?.displayName),
  })
}

function actionOf(event: string, status: string | null | undefined): PullRequestAction | undefined {
  if (status === 'completed') return 'merged'
  if (status === 'abandoned') return 'closed'
  if (event === 'git.pullrequest.created') return 'opened'
  return event === 'git.pullrequest.updated' ? 'updated' : undefined
}
