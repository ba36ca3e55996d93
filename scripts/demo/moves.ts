import type { Changes } from '../../test/support/git-server.ts'
import type { Promised, Result } from './api.ts'
import type { Live } from './cluster-client.ts'
import { banner, config, deployment, service, writtenPart } from './objects.ts'
import type { Stage } from './stage.ts'
import { elapsed, reasonOf } from './telling.ts'
import { waitFor } from './wait.ts'

export const ENVIRONMENTS = ['dev', 'prod'] as const
const LIMIT_MS = 60_000

/** What the chapters have in common: commits, pushes with their webhooks, and looks at the cluster. */
export function createMoves({ api, cluster, repository, lastPush }: Stage, say: (line: string) => void, signal: AbortSignal) {
  const waiting = { signal, limitMs: LIMIT_MS }

  /** Commits, sends the webhook, and waits until `isThere` holds for prod's live object. */
  const push = async (what: string, move: () => Promise<string>, path: string, isThere: (live: Live | undefined) => boolean) => {
    const revision = await move()
    say(`  push     ${revision.slice(0, 8)} ${what}`)
    const begin = performance.now()
    const delivering = api.deliver(lastPush(), repository.url)
    const visible = waitFor(
      `${what}: visible in the cluster`,
      async () => (isThere(await cluster.get(path)) ? performance.now() : undefined),
      { ...waiting, everyMs: 5 },
    )
    visible.catch(() => undefined) // told below, where it is awaited
    const promised = await delivering
    say(
      `  webhook  202 after ${elapsed(begin)}: ${promised.tickets.map(({ application, ticket }) => `${application} #${ticket}`).join(', ')}`,
    )
    // A refusal is known by its result long before the wait for the object would give up.
    const prod = await resultOf(promised, 'prod')
    if (prod.outcome !== 'synced') throw new Error(`${what}: shop-prod ended as "${prod.outcome}": ${reasonOf(prod)}`)
    const appliedMs = Math.round((await visible) - begin)
    say(`  applied  ${appliedMs} ms after the first byte of the webhook`)
    const results = [await resultOf(promised, 'dev'), prod]
    for (const result of results) {
      if (!['synced', 'not affected'].includes(result.outcome) || result.health.status !== 'current') {
        throw new Error(`${what}: ended as "${result.outcome}", health "${result.health.status}": ${reasonOf(result)}`)
      }
    }
    say(`  healthy  after ${elapsed(begin)}, dev and prod`)
    await waitFor(
      `shop-prod shown as synced to ${revision}`,
      async () => ((await api.status('shop-prod')).applied?.revision === revision ? true : undefined),
      waiting,
    )
    return { revision, appliedMs, results }
  }

  const commit = (message: string, changes: Changes) => () => repository.commit(changes, { message })

  const resultOf = async ({ tickets }: Promised, environment: string): Promise<Result> => {
    const application = `shop-${environment}`
    const ticket = tickets.find((one) => one.application === application)
    if (ticket === undefined) throw new Error(`the webhook was accepted, but there is no ticket for ${application}`)
    return api.ticketResult(application, ticket.ticket)
  }

  const snapshot = async (): Promise<string> => {
    const paths = ENVIRONMENTS.flatMap((environment) => [deployment, config, service, banner].map((pathIn) => pathIn(environment)))
    return JSON.stringify((await Promise.all(paths.map((path) => cluster.get(path)))).map(writtenPart))
  }

  const greets = (text: string) => (live: Live | undefined) => live?.data?.['greeting'] === text

  return { waiting, push, commit, resultOf, snapshot, greets }
}
