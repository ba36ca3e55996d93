import { formatDuration } from '../model/duration.ts'
import { displaySubject, subjectText, type PlanReport, type PlanSubject } from '../model/plan-report.ts'
import { errorOf, fieldOf, ONE_WAIT_MS, type Client } from './client.ts'
import { changeLines, counts, fixLines, state } from './show.ts'
import { unknownApplication } from './status.ts'
import { plain, short } from './table.ts'
import type { Terminal } from './terminal.ts'

/** Exit codes of `gitwake plan`. */
const UNCHANGED = 0
const FAILED = 1
const CHANGES = 2

/** `gitwake plan NAME`: what a sync would do now; 0 nothing, 2 changes, 1 refused or no plan. */
export async function plan(
  client: Client,
  terminal: Terminal,
  options: {
    readonly name: string
    readonly subject: PlanSubject
    readonly waitMs: number
    readonly json: boolean
    readonly now: () => number
  },
): Promise<number> {
  const { name, subject, waitMs, json, now } = options
  const deadline = now() + waitMs
  const path = `/api/applications/${encodeURIComponent(name)}/plan?`
  const query = subjectText(subject)
  let since: string | undefined
  for (;;) {
    const nextMs = Math.min(ONE_WAIT_MS, Math.max(1, deadline - now()))
    const parts = [query, since, `wait=${Math.round(nextMs)}ms`].filter((part) => part !== undefined && part !== '')
    const answer = await client.request('GET', path + parts.join('&'), nextMs + 15_000)
    if (answer.status === 404) throw unknownApplication(name)
    if (answer.status !== 202) return told(terminal, answer.body, json)
    if (now() >= deadline) {
      terminal.err(`${plain(name)}: no worker has made the plan within ${formatDuration(waitMs)}.\n`)
      return FAILED
    }
    since = `since=${String(fieldOf(answer.body, 'since'))}`
  }
}

function told(terminal: Terminal, body: unknown, json: boolean): number {
  const report = reportOf(body)
  if (json) terminal.out(`${JSON.stringify(report ?? body, null, 2)}\n`)
  else if (report === undefined || report.outcome === 'failed') {
    const { message, fix } = errorOf(body)
    terminal.err([message, fix && `→ ${fix}`].flatMap((line) => (line ? [`${plain(line)}\n`] : [])).join(''))
  } else terminal.out(planText(terminal, report))
  if (report?.outcome === 'unchanged') return UNCHANGED
  return report?.outcome === 'changes' ? CHANGES : FAILED
}

function planText(terminal: Terminal, report: PlanReport): string {
  const { application, cluster, subject, revision, outcome, changes, warnings, held, problem } = report
  const lines = [
    `${plain(application)} ${state(terminal, outcome)} at ${short(revision)} (${plain(displaySubject(subject))}) against ${plain(cluster)}: ${counts(report)}`,
    ...changeLines(terminal, changes),
    ...warnings.map((warning) => `  warning      ${plain(warning)}`),
    ...(held === undefined ? [] : [`  held: ${plain(held.reason)}`, `  → ${plain(held.fix)}`]),
    ...(held !== undefined && subject.of === 'head'
      ? [`  → to carry out exactly these prunes: gitwake sync ${plain(application)} --confirm ${plain(held.digest)}`]
      : []),
    ...fixLines(problem, changes),
  ]
  return `${lines.join('\n')}\n`
}

function reportOf(body: unknown): PlanReport | undefined {
  return fieldOf(body, 'schema') === 1 && typeof fieldOf(body, 'outcome') === 'string' ? (body as PlanReport) : undefined
}
