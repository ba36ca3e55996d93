import type { CommitPlace, CommitReport } from '../model/commit.ts'
import { GitwakeError } from '../model/error.ts'
import { displayName } from '../model/object.ts'
import { errorOf, type Client } from './client.ts'
import { state } from './show.ts'
import { ago, plain, table } from './table.ts'
import type { Terminal } from './terminal.ts'

const WELL: readonly string[] = ['synced', 'not affected', 'unknown']

/** `gitwake commit SHA`: 0 where every application that knows the commit carries it in health, else 1. */
export async function commit(
  client: Client,
  terminal: Terminal,
  options: { readonly sha: string; readonly json: boolean; readonly now: number },
): Promise<number> {
  const { sha, json, now } = options
  const { status, body } = await client.request('GET', `/api/commits/${encodeURIComponent(sha)}`)
  if (status === 404)
    throw new GitwakeError('unknown-commit', `Nobody has heard of commit ${plain(sha)}.`, {
      fix: 'Only commits that were the head of a followed branch, or were announced as such, are known.',
    })
  if (status !== 200) {
    const { message, fix, reasons } = errorOf(body)
    throw new GitwakeError('ambiguous', [message ?? 'The commit is ambiguous.', ...reasons.map(plain)].join('\n  '), {
      fix: fix ?? 'Write more digits.',
    })
  }
  const report = body as CommitReport
  terminal.out(json ? `${JSON.stringify(report, null, 2)}\n` : reportText(terminal, report, now))
  return report.applications.every(({ state: word, health }) => WELL.includes(word) && health !== 'failed') ? 0 : 1
}

function reportText(terminal: Terminal, { revision, repositories, applications }: CommitReport, now: number): string {
  const rows = applications.map((place) => [
    plain(place.application),
    plain(place.cluster),
    state(terminal, place.state),
    place.health === undefined ? '–' : state(terminal, place.health),
    place.since === undefined ? '–' : ago(place.since, now),
    plain(place.message),
  ])
  const head = `${plain(revision)} of ${repositories.map(plain).join(', ')}\n`
  return head + table(['APPLICATION', 'CLUSTER', 'STATE', 'HEALTH', 'SINCE', 'MESSAGE'], rows) + applications.map(objectLines).join('')
}

function objectLines({ application, objects, moreObjects }: CommitPlace): string {
  if (objects.length === 0) return ''
  const lines = objects.map(({ object, action, reason }) => `  ${plain(action).padEnd(10)} ${plain(displayName(object))}: ${plain(reason)}`)
  const more = moreObjects === undefined ? [] : [`  and ${moreObjects} more`]
  return `${[`${plain(application)}:`, ...lines, ...more].join('\n')}\n`
}
