import { z } from 'zod'
import type { JsonObject } from '../model/json.ts'
import type { PullRequestAction } from '../model/push.ts'
import type { Announcement } from './provider.ts'
import { branchField, numberField, toPullRequest } from './pull-request.ts'
import { actorOf, decodeWith, nameField, urlField, urlsOf } from './push-fields.ts'

const sideSchema = z.object({ ref: branchField, sha: nameField, repo_id: z.number().nullish() })
const schema = z.object({
  action: z.string(),
  number: numberField,
  pull_request: z.object({ merged: z.boolean().nullish(), head: sideSchema, base: sideSchema }),
  changes: z.object({ ref: z.unknown().optional() }).nullish(),
  repository: z.object({ clone_url: urlField, ssh_url: urlField, html_url: urlField }),
  sender: z.object({ login: nameField }).nullish(),
})

/** https://docs.gitea.com/usage/webhooks, https://forgejo.org/docs/latest/user/webhooks/ */
export function decodePullRequest(event: string, payload: JsonObject): Announcement {
  const told = decodeWith(schema, payload)
  const { head, base } = told.pull_request
  return toPullRequest({
    event,
    repositoryUrls: urlsOf(told.repository),
    number: told.number,
    action: actionOf(told),
    source: head.ref,
    target: base.ref,
    revision: head.sha,
    isFork: typeof head.repo_id !== 'number' || head.repo_id !== base.repo_id,
    actor: actorOf(told.sender?.login),
  })
}

function actionOf({ action, changes, pull_request: { merged } }: z.output<typeof schema>): PullRequestAction | undefined {
  if (action === 'opened' || action === 'reopened') return 'opened'
  if (action === 'closed') return merged === true ? 'merged' : 'closed'
  return action === 'synchronized' || (action === 'edited' && changes?.ref !== undefined) ? 'updated' : undefined
}
