import { z } from 'zod'
import type { JsonObject } from '../model/json.ts'
import type { PullRequestAction } from '../model/push.ts'
import type { Announcement } from './provider.ts'
import { branchField, numberField, toPullRequest } from './pull-request.ts'
import { actorOf, decodeWith, nameField, urlField, urlsOf } from './push-fields.ts'

const schema = z.object({
  user: z.object({ username: nameField, name: nameField }).nullish(),
  project: z.object({ git_http_url: urlField, git_ssh_url: urlField, web_url: urlField }),
  object_attributes: z.object({
    iid: numberField,
    action: nameField,
    oldrev: nameField,
    source_branch: branchField,
    target_branch: branchField,
    source_project_id: z.number().nullish(),
    target_project_id: z.number().nullish(),
    last_commit: z.object({ id: nameField }).nullish(),
  }),
  changes: z.object({ target_branch: z.unknown().optional() }).nullish(),
})

/** https://docs.gitlab.com/user/project/integrations/webhook_events/#merge-request-events */
export function decodeMergeRequest(event: string, payload: JsonObject): Announcement {
  const told = decodeWith(schema, payload)
  const { object_attributes: merge, project, user } = told
  return toPullRequest({
    event,
    repositoryUrls: urlsOf(project),
    number: merge.iid,
    action: actionOf(told),
    source: merge.source_branch,
    target: merge.target_branch,
    revision: merge.last_commit?.id,
    isFork: typeof merge.source_project_id !== 'number' || merge.source_project_id !== merge.target_project_id,
    actor: actorOf(user?.username, user?.name),
  })
}

/** An update has new commits where it says which head it had before. */
function actionOf({ object_attributes: { action, oldrev }, changes }: z.output<typeof schema>): PullRequestAction | undefined {
  if (action === 'open' || action === 'reopen') return 'opened'
  if (action === 'close') return 'closed'
  if (action === 'merge') return 'merged'
  return action === 'update' && (oldrev || changes?.target_branch !== undefined) ? 'updated' : undefined
}
