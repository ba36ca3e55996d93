import { z } from 'zod'
import type { JsonObject } from '../model/json.ts'
import type { PullRequestAction } from '../model/push.ts'
import type { Announcement } from './provider.ts'
import { branchField, numberField, toPullRequest } from './pull-request.ts'
import { actorOf, decodeWith, nameField, urlField, urlsOf } from './push-fields.ts'

const sideSchema = z.object({ ref: branchField, sha: nameField, repo: z.object({ full_name: z.string() }).nullish() })
const schema = z.object({
  action: z.string(),
  number: numberField,
  pull_request: z.object({ merged: z.boolean().nullish(), head: sideSchema, base: sideSchema }),
  changes: z.object({ base: z.unknown().optional() }).nullish(),
  repository: z.object({ clone_url: urlField, ssh_url: urlField, html_url: urlField }),
  sender: z.object({ login: nameField }).nullish(),
})

/** https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request */
export function decodePullRequest(payload: JsonObject): Announcement {
  const told = decodeWith(schema, payload)
  const { head, base } = told.pull_request
  return toPullRequest({
    event: 'pull_request',
    repositoryUrls: urlsOf(told.repository),
    number: told.number,
    action: actionOf(told),
    source: head.ref,
    target: base.ref,
    revision: head.sha,
    // A fork that was deleted has no repository any more.
    isFork: !head.repo || head.repo.full_name !== base.repo?.full_name,
    actor: actorOf(told.sender?.login),
  })
}

function actionOf({ action, changes, pull_request: { merged } }: z.output<typeof schema>): PullRequestAction | undefined {
  if (action === 'opened' || action === 'reopened') return 'opened'
  if (action === 'closed') return merged === true ? 'merged' : 'closed'
  return action === 'synchronize' || (action === 'edited' && changes?.base !== undefined) ? 'updated' : undefined
}
