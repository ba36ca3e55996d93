import { z } from 'zod'
import type { JsonObject } from '../model/json.ts'
import type { Announcement } from './provider.ts'
import { decodeWith, nameField } from './push-fields.ts'

const login = z.object({ login: nameField }).nullish()
const schema = z.object({
  action: nameField,
  changes: z
    .object({
      repository: z.object({ name: z.object({ from: nameField }).nullish() }).nullish(),
      owner: z.object({ from: z.object({ user: login, organization: login }).nullish() }).nullish(),
    })
    .nullish(),
  repository: z.object({ name: z.string(), html_url: z.string().max(2048), owner: z.object({ login: z.string() }) }),
})

/** https://docs.github.com/en/webhooks/webhook-events-and-payloads#repository */
export function decodeRepository(payload: JsonObject): Announcement {
  const event = 'repository'
  const told = schema.safeParse(payload)
  const { action, changes, repository } = told.success ? decodeWith(schema, payload) : {}
  const from = changes?.owner?.from
  const name = changes?.repository?.name?.from ?? repository?.name
  const owner = from?.organization?.login ?? from?.user?.login ?? repository?.owner.login
  const host = URL.parse(repository?.html_url ?? '')?.host
  if (repository === undefined || host === undefined || (action !== 'renamed' && action !== 'transferred'))
    return { kind: 'ignored', event, reason: 'the repository is called as before' }
  return { kind: 'rename', event: `repository ${action}`, from: { host, path: `${owner}/${name}` }, to: `${repository.html_url}.git` }
}
