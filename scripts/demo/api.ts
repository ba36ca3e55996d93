import { createHmac, randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { RefUpdate } from '../../test/support/git-server.ts'

const changeSchema = z.looseObject({
  object: z.looseObject({ kind: z.string(), namespace: z.string(), name: z.string() }),
  action: z.string(),
  reason: z.string(),
  origin: z.looseObject({ file: z.string() }).optional(),
  drift: z.array(z.looseObject({ field: z.string(), manager: z.string().optional() })).optional(),
})

const resultSchema = z.looseObject({
  outcome: z.string(),
  message: z.string(),
  revision: z.string().optional(),
  startedAt: z.number(),
  changes: z.array(changeSchema),
  health: z.looseObject({
    status: z.string(),
    objects: z.array(z.looseObject({ message: z.string(), log: z.array(z.string()).optional() })),
  }),
  problem: z.looseObject({ message: z.string(), fix: z.string() }).optional(),
})

/** How a sync ended, as the API tells it. */
export type Result = z.output<typeof resultSchema>

const statusSchema = z.looseObject({ applied: z.looseObject({ revision: z.string() }).optional(), sync: z.string(), health: z.string() })
const historySchema = z.looseObject({ results: z.array(resultSchema) })
const acceptedSchema = z.looseObject({ tickets: z.array(z.looseObject({ application: z.string(), ticket: z.number() })) })

/** What the receiver promised for a delivery. */
export interface Promised {
  readonly id: string
  readonly tickets: readonly { readonly application: string; readonly ticket: number }[]
}

/** gitwake's doors, used as GitHub and a person with curl would. */
export interface Api {
  /** Sends GitHub's push webhook, signed. */
  deliver(push: RefUpdate, repositoryUrl: string): Promise<Promised>
  /** How the ticket's sync ended; waits for it up to a minute. */
  ticketResult(application: string, ticket: number): Promise<Result>
  status(application: string): Promise<z.output<typeof statusSchema>>
  /** Newest first. */
  history(application: string): Promise<readonly Result[]>
}

export function createApi(options: {
  readonly url: string
  readonly token: string
  readonly webhookSecret: string
  readonly signal: AbortSignal
}): Api {
  const limited = (milliseconds: number): AbortSignal => AbortSignal.any([options.signal, AbortSignal.timeout(milliseconds)])
  const get = async (path: string, limitMs = 10_000): Promise<{ readonly status: number; readonly text: string }> => {
    const headers = { authorization: `Bearer ${options.token}` }
    const response = await fetch(`${options.url}/api${path}`, { headers, signal: limited(limitMs) })
    return { status: response.status, text: await response.text() }
  }
  const json = async (path: string): Promise<unknown> => {
    const { status, text } = await get(path)
    if (status !== 200) throw new Error(`GET /api${path} answered ${status}: ${text.slice(0, 500)}`)
    return JSON.parse(text)
  }

  return {
    async deliver(push, repositoryUrl) {
      const id = randomUUID()
      const body = Buffer.from(JSON.stringify(gitHubPush(push, repositoryUrl)))
      const headers = {
        'content-type': 'application/json',
        'user-agent': 'GitHub-Hookshot/demo',
        'x-github-event': 'push',
        'x-github-delivery': id,
        'x-hub-signature-256': `sha256=${createHmac('sha256', options.webhookSecret).update(body).digest('hex')}`,
      }
      const response = await fetch(`${options.url}/hooks/github`, { method: 'POST', headers, body, signal: limited(10_000) })
      const text = await response.text()
      if (response.status !== 202) throw new Error(`the webhook was answered with ${response.status} instead of 202: ${text.slice(0, 500)}`)
      return { id, tickets: acceptedSchema.parse(JSON.parse(text)).tickets }
    },
    async ticketResult(application, ticket) {
      const { status, text } = await get(`/applications/${application}/tickets/${ticket}?wait=60s`, 70_000)
      if (![200, 409, 422].includes(status))
        throw new Error(`ticket ${ticket} of ${application}: answered ${status}: ${text.slice(0, 500)}`)
      return resultSchema.parse(JSON.parse(text))
    },
    status: async (application) => statusSchema.parse(await json(`/applications/${application}`)),
    history: async (application) => historySchema.parse(await json(`/applications/${application}/history?limit=50`)).results,
  }
}

/** The fields of GitHub's push payload that say what moved. */
function gitHubPush({ ref, before, after, repository }: RefUpdate, url: string): object {
  const urls = { clone_url: url, html_url: url.replace(/\.git$/, ''), url: url.replace(/\.git$/, '') }
  const none = '0'.repeat(after.length)
  return {
    ref,
    before,
    after,
    created: before === none,
    deleted: after === none,
    forced: false,
    repository: { id: 1, name: repository, full_name: `acme/${repository}`, private: true, ...urls },
    pusher: { name: 'ada' },
    sender: { login: 'ada', id: 2 },
    head_commit: { id: after },
  }
}
