import { GitwakeError } from '../model/error.ts'
import type { ApplicationStatus, SyncResult } from '../model/result.ts'
import { fieldOf, type Client } from './client.ts'
import { counts, pollFailsText, state, statusText, waitText } from './show.ts'
import { ago, plain, short, table } from './table.ts'
import { paint, type Terminal } from './terminal.ts'

/** `gitwake status [NAME]`: 0 where everything that was asked for is synced and not failed, else 1. */
export async function status(
  client: Client,
  terminal: Terminal,
  options: { readonly name?: string; readonly json: boolean; readonly now: number },
): Promise<number> {
  const { name, json, now } = options
  const statuses = name === undefined ? await allStatuses(client) : [await oneStatus(client, name)]
  if (json) terminal.out(`${JSON.stringify(name === undefined ? statuses : statuses[0], null, 2)}\n`)
  else if (name !== undefined) terminal.out(statuses.map((one) => statusText(terminal, one, now)).join(''))
  else if (statuses.length === 0) terminal.err('No applications are configured.\n')
  else terminal.out(overview(terminal, statuses, now))
  return statuses.every(isWell) ? 0 : 1
}

/** `gitwake history NAME`: results, newest first. */
export async function history(
  client: Client,
  terminal: Terminal,
  options: { readonly name: string; readonly limit: number; readonly json: boolean; readonly now: number },
): Promise<number> {
  const { name, limit, json, now } = options
  const answer = await client.request('GET', `/api/applications/${encodeURIComponent(name)}/history?limit=${limit}`)
  if (answer.status === 404) throw unknownApplication(name)
  const results = (fieldOf(answer.body, 'results') ?? []) as readonly SyncResult[]
  if (json) terminal.out(`${JSON.stringify(results, null, 2)}\n`)
  else if (results.length === 0) terminal.err(`${name} has not been synced yet.\n`)
  else
    terminal.out(
      table(
        ['WHEN', 'REVISION', 'REASON', 'OUTCOME', 'CHANGES', 'MESSAGE'],
        results.map((result) => historyRow(terminal, result, now)),
      ),
    )
  return 0
}

async function allStatuses(client: Client): Promise<readonly ApplicationStatus[]> {
  return (await client.list('/api/applications', 'applications')) as readonly ApplicationStatus[]
}

async function oneStatus(client: Client, name: string): Promise<ApplicationStatus> {
  const answer = await client.request('GET', `/api/applications/${encodeURIComponent(name)}`)
  if (answer.status === 404) throw unknownApplication(name)
  return answer.body as ApplicationStatus
}

export function unknownApplication(name: string, { isLeaving = false }: { readonly isLeaving?: boolean } = {}): GitwakeError {
  return new GitwakeError('unknown-application', `There is no application "${plain(name)}".`, {
    fix: isLeaving
      ? '"gitwake orphans" lists what has left the configuration, from the next sweep of its cluster on.'
      : '"gitwake status" lists all of them.',
  })
}

function isWell({ sync, health }: ApplicationStatus): boolean {
  return sync !== 'failed' && sync !== 'held' && sync !== 'out of sync' && health !== 'failed'
}

function overview(terminal: Terminal, statuses: readonly ApplicationStatus[], now: number): string {
  const rows = statuses.map((one) => [
    paint(terminal, 'bold', plain(one.application)),
    plain(one.cluster),
    plain(one.namespace),
    short(one.applied?.revision),
    state(terminal, one.sync),
    state(terminal, one.health),
    one.unappliedSince === undefined ? '–' : ago(one.unappliedSince, now),
    lastWord(one, now),
  ])
  const head = ['APPLICATION', 'CLUSTER', 'NAMESPACE', 'REVISION', 'SYNC', 'HEALTH', 'UNAPPLIED', 'LAST RESULT']
  return table(head, rows) + pollTexts(statuses, now)
}

/** Each repository that polls cannot reach, once: what its applications carry may be old, however well they are. */
function pollTexts(statuses: readonly ApplicationStatus[], now: number): string {
  const failing = statuses.flatMap(({ repository, cluster, pollFails }) =>
    pollFails === undefined ? [] : [{ place: `${plain(repository)} (for cluster ${plain(cluster)})`, text: pollFailsText(pollFails, now) }],
  )
  const lines = failing.map(({ place, text }) => `polls of ${place} fail ${text}\n`)
  return lines.length === 0 ? '' : `\n${[...new Set(lines)].join('')}`
}

function lastWord({ lastResult, waiting }: ApplicationStatus, now: number): string {
  if (lastResult === undefined) return '–'
  const word = waiting === undefined ? plain(lastResult.message) : `waits for ${waitText(waiting, now)}`
  return `${ago(lastResult.finishedAt, now)} ago: ${word}`
}

function historyRow(terminal: Terminal, result: SyncResult, now: number): readonly string[] {
  return [
    `${ago(result.finishedAt, now)} ago`,
    short(result.revision),
    plain(result.reason),
    state(terminal, result.outcome),
    counts(result),
    plain(result.message),
  ]
}
