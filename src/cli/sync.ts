import { formatDuration } from '../model/duration.ts'
import { GitwakeError } from '../model/error.ts'
import type { Ticket } from '../model/job.ts'
import type { SyncResult } from '../model/result.ts'
import { errorOf, fieldOf, ONE_WAIT_MS, type Client } from './client.ts'
import { resultText } from './show.ts'
import { unknownApplication } from './status.ts'
import { plain } from './table.ts'
import type { Terminal } from './terminal.ts'

/** Exit codes with a wait. */
const DONE = 0
const REFUSED = 1
const NOT_IN_TIME = 3

/** What is asked of one application, and how long its ticket is waited for. */
export interface Order {
  readonly name: string
  readonly verb: 'detach' | 'delete' | 'sync' | 'suspend' | 'resume' | 'rollback' | 'unpin'
  readonly query: Readonly<Record<string, string>>
  readonly waitMs: number
  readonly json: boolean
  readonly now: () => number
}

/** `gitwake sync NAME [--wait]` and its like: asks for one sync; with a wait, until its ticket is answered. */
export async function order(client: Client, terminal: Terminal, options: Order): Promise<number> {
  const { name, verb, query, waitMs, json, now } = options
  const deadline = now() + waitMs
  const path = `/api/applications/${encodeURIComponent(name)}`
  const parameters = new URLSearchParams(query).toString()
  const asked = await client.request('POST', `${path}/${verb}${parameters && `?${parameters}`}`)
  // What leaves may not be configured any more.
  const isLeaving = verb === 'detach' || verb === 'delete'
  if (asked.status === 404) throw unknownApplication(name, { isLeaving })
  if (asked.status !== 202) return told(terminal, asked, json)
  const ticket = ticketOf(asked.body)
  const undoing = json ? '' : undoingText(asked.body)
  if (waitMs === 0) {
    terminal.out(json ? `${JSON.stringify(asked.body)}\n` : `${name}: ticket ${ticket.wanted} on cluster ${ticket.cluster}\n`)
    terminal.err(undoing)
    return DONE
  }
  const revision = query['revision'] === undefined ? '' : `&revision=${query['revision']}`
  // The ticket tells the cluster.
  const place = isLeaving ? `/api/orphans/${encodeURIComponent(ticket.cluster)}/${encodeURIComponent(name)}` : path
  for (;;) {
    const nextMs = Math.min(ONE_WAIT_MS, Math.max(0, deadline - now()))
    const answer = await client.request(
      'GET',
      `${place}/tickets/${ticket.wanted}?wait=${Math.max(1, Math.round(nextMs))}ms${revision}`,
      nextMs + 15_000,
    )
    const isLate = answer.status === 504
    if (isLate && now() < deadline) continue
    const code = told(terminal, isLate ? { status: 504, body: notInTime(answer.body, name, waitMs) } : answer, json)
    // What was refused has nothing to be undone in Git.
    if (code !== REFUSED) terminal.err(undoing)
    return code
  }
}

/** How a rollback is done in Git too, as the server says it. */
function undoingText(body: unknown): string {
  const commands = fieldOf(body, 'commands')
  if (!Array.isArray(commands)) return ''
  const lines = commands.map((line) => `  ${plain(String(line))}\n`)
  return `Git still has the bad commit. To undo it there, which also ends the pin:\n${lines.join('')}`
}

function told(terminal: Terminal, answer: { readonly status: number; readonly body: unknown }, json: boolean): number {
  const { message, fix, reasons } = errorOf(answer.body)
  const result = resultOf(answer.body)
  if (json) terminal.out(`${JSON.stringify(answer.body, null, 2)}\n`)
  else if (result !== undefined) terminal.out(resultText(terminal, result))
  else terminal.err([message, ...reasons, fix].flatMap((line) => (line === undefined ? [] : [`${plain(line)}\n`])).join(''))
  if (answer.status === 504) return NOT_IN_TIME
  return answer.status === 200 ? DONE : REFUSED
}

/** The server knows only of the last of our requests, which was shorter than the wait. */
function notInTime(body: unknown, name: string, waitMs: number): object {
  const message = `${name} was not done within ${formatDuration(waitMs)}.`
  return { ...Object(body), error: { ...Object(fieldOf(body, 'error')), message } }
}

function resultOf(body: unknown): SyncResult | undefined {
  return fieldOf(body, 'schema') === 1 && typeof fieldOf(body, 'outcome') === 'string' ? (body as SyncResult) : undefined
}

function ticketOf(body: unknown): Ticket {
  const ticket = fieldOf(body, 'ticket')
  const [application, cluster, wanted] = ['application', 'cluster', 'wanted'].map((name) => fieldOf(ticket, name))
  if (typeof application === 'string' && typeof cluster === 'string' && typeof wanted === 'number') return { application, cluster, wanted }
  throw new GitwakeError('server-error', 'The server accepted the sync without a ticket.', {
    fix: 'Use the same version of gitwake here and there.',
  })
}
