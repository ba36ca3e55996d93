import type { ObjectHealth } from '../model/health.ts'
import { valueText } from '../model/json.ts'
import { displayName, displayOrigin } from '../model/object.ts'
import type { Change, FieldChange } from '../model/plan.ts'
import type { ApplicationStatus, PollFails, Queued, SyncResult, WaitsFor } from '../model/result.ts'
import { displayPin, displayWord } from '../model/standing.ts'
import { ago, plain, short } from './table.ts'
import { paint, type Paint, type Terminal } from './terminal.ts'

const COLOURS: Readonly<Record<string, Paint>> = {
  synced: 'green',
  current: 'green',
  'not affected': 'green',
  'out of sync': 'yellow',
  syncing: 'blue',
  queued: 'blue',
  waiting: 'yellow',
  'in progress': 'blue',
  drifted: 'yellow',
  held: 'yellow',
  suspended: 'yellow',
  terminating: 'yellow',
  superseded: 'dim',
  unknown: 'dim',
  failed: 'red',
  unchanged: 'green',
  changes: 'yellow',
  refused: 'red',
}

/** A state in its colour; the word itself says everything. */
export function state(terminal: Terminal, word: string): string {
  const colour = COLOURS[word]
  return colour === undefined ? plain(word) : paint(terminal, colour, plain(word))
}

/** `2 created, 1 configured, 7 unchanged`; `no changes` where there is nothing to count. */
export function counts(result: Pick<SyncResult, 'counts'>): string {
  const parts = Object.entries(result.counts).flatMap(([action, count]) =>
    count !== undefined && count > 0 ? [`${count} ${plain(action)}`] : [],
  )
  return parts.length === 0 ? 'no changes' : parts.join(', ')
}

/** One line per change, with its reason, what drifted and what differs; what to do stands at the first that it is about, unless it was `said` before. */
export function changeLines(terminal: Terminal, changes: readonly Change[], said: readonly Change[] = []): readonly string[] {
  const fixes = new Set(said.map(({ fix }) => fix))
  return changes.flatMap((change) => {
    const place = change.origin === undefined ? '' : ` (${plain(displayOrigin(change.origin))})`
    const [sign, colour] = SIGNS[change.action] ?? UNKNOWN_SIGN
    const head = `${paint(terminal, colour, `${sign} ${plain(change.action).padEnd(10)}`)} ${plain(displayName(change.object))}`
    const drift = (change.drift ?? []).map(
      ({ field, manager, at }) =>
        `             ${plain(field)}, by ${plain(manager ?? 'unknown')}${at === undefined ? '' : `, at ${plain(at)}`}`,
    )
    const more = change.moreFields === undefined ? [] : [`      and ${change.moreFields} more fields`]
    const fix = change.fix === undefined || fixes.has(change.fix) ? [] : [`             → ${plain(change.fix)}`]
    fixes.add(change.fix)
    const diff = (change.diff ?? []).flatMap((field) => fieldLines(terminal, field))
    return [`  ${head}: ${plain(change.reason)}${place}`, ...drift, ...diff, ...more, ...fix]
  })
}

/** What to do about the whole, where no change has said it. */
export function fixLines(problem: SyncResult['problem'], changes: readonly Change[]): readonly string[] {
  return problem === undefined || changes.some(({ fix }) => fix === problem.fix) ? [] : [`  → ${plain(problem.fix)}`]
}

/** One object that is not well, and the last lines of the container that made it so. */
function healthLines({ object, status, message, log = [] }: ObjectHealth): readonly string[] {
  return [
    `  ${plain(status).padEnd(10)} ${plain(displayName(object))}: ${plain(message)}`,
    ...log.map((line) => `             | ${plain(line)}`),
  ]
}

/** Every action has a sign, so that a list can be read without its colours. */
const SIGNS: Readonly<Partial<Record<string, readonly [string, Paint]>>> = {
  created: ['+', 'green'],
  configured: ['~', 'yellow'],
  adopted: ['~', 'yellow'],
  recreated: ['±', 'yellow'],
  pruned: ['-', 'red'],
  held: ['?', 'yellow'],
  failed: ['!', 'red'],
}
const UNKNOWN_SIGN = ['·', 'dim'] as const
const FIELD_SIGNS = { add: ['+', 'green'], change: ['~', 'yellow'], remove: ['-', 'red'] } as const

function fieldLines(terminal: Terminal, { field, op, before, after, lines }: FieldChange): readonly string[] {
  const [sign, colour] = FIELD_SIGNS[op]
  const told = [before, after].flatMap((value) => (value === undefined ? [] : [oneLine(valueText(value))])).join(' → ')
  const head = `      ${paint(terminal, colour, sign)} ${plain(field)}${lines === undefined ? `: ${told}` : ':'}`
  return [head, ...(lines ?? []).map((line) => `          ${paintLine(terminal, oneLine(line))}`)]
}

function oneLine(text: string): string {
  return plain(text.replaceAll('\n', '⏎'))
}

function paintLine(terminal: Terminal, line: string): string {
  if (line.startsWith('+')) return paint(terminal, 'green', line)
  return line.startsWith('-') ? paint(terminal, 'red', line) : line
}

/** A result as a paragraph: what happened, why, and what to do. */
export function resultText(terminal: Terminal, result: SyncResult, said: readonly Change[] = []): string {
  const seconds = ((result.finishedAt - result.startedAt) / 1000).toFixed(2)
  const head = `${result.application} ${state(terminal, result.outcome)} at ${short(result.revision)} in ${seconds} s (${result.reason}): ${counts(result)}; health ${state(terminal, result.health.status)}`
  const unhealthy = result.health.objects.filter(({ status }) => status !== 'current')
  const lines = [
    head,
    `  ${plain(result.message)}`,
    ...changeLines(terminal, result.changes, said),
    ...unhealthy.flatMap(healthLines),
    ...result.warnings.map((warning) => `  warning    ${plain(warning)}`),
    ...fixLines(result.problem, result.changes),
    // The fix of a deletion that is held names its own command.
    ...(result.outcome === 'held' && result.plan !== undefined && result.problem?.fix.includes(result.plan) !== true
      ? [`  → to carry out exactly this plan: gitwake sync ${result.application} --confirm ${plain(result.plan)}`]
      : []),
  ]
  return `${lines.join('\n')}\n`
}

/** What an application waits for just now: its last result says what it was when the wait began. */
export function waitText({ for: what, why, until }: WaitsFor, now: number): string {
  return `${what === 'window' ? 'a window' : 'other applications'}${until === undefined ? '' : ` for another ${ago(now, until)}`}: ${plain(why)}`
}

function queueText({ why, place, until }: Queued, now: number): string {
  const since = place?.since === undefined ? '' : `, for ${ago(place.since, now)}`
  const line = place === undefined ? '' : `${place.position} of ${place.of}${since}: `
  return `${line}${plain(why)}${until === undefined || until <= now ? '' : `, in ${ago(now, until)}`}`
}

/** Why pushes to its repository are not seen by polls, and what to do. */
export function pollFailsText({ since, problem }: PollFails, now: number): string {
  return `for ${ago(since, now)}: ${plain(problem.message)}\n  → ${plain(problem.fix)}`
}

/** Everything about one application. */
export function statusText(terminal: Terminal, status: ApplicationStatus, now: number): string {
  const { head, applied, unappliedSince } = status
  const rows: readonly (readonly [string, string])[] = [
    ['application', plain(status.application)],
    ['source', `${plain(status.repository)} ${plain(status.ref)} ${status.path === '' ? '/' : plain(status.path)}`],
    ['destination', `${plain(status.cluster)}, namespace ${plain(status.namespace)}`],
    ['sync', state(terminal, status.sync)],
    ...(status.suspended === undefined ? [] : ([['suspended', plain(displayWord(status.suspended))]] as const)),
    ...(status.pinned === undefined ? [] : ([['pinned', plain(displayPin(status.pinned))]] as const)),
    ...(status.waiting === undefined ? [] : ([['waits for', waitText(status.waiting, now)]] as const)),
    ...(status.pollFails === undefined ? [] : ([['polls fail', pollFailsText(status.pollFails, now)]] as const)),
    ...(status.queue === undefined ? [] : ([['queue', queueText(status.queue, now)]] as const)),
    ['health', state(terminal, status.health)],
    ['head', head === undefined ? '–' : `${plain(head.revision)}, seen ${ago(head.seenAt, now)} ago`],
    ['applied', applied === undefined ? '–' : `${plain(applied.revision)}, ${ago(applied.at, now)} ago`],
    ...(unappliedSince === undefined ? [] : ([['waiting', `a commit waits for ${ago(unappliedSince, now)}`]] as const)),
    ['tickets', `${status.done} of ${status.wanted} done`],
  ]
  const drift = status.drift.length === 0 ? '' : `drift\n${changeLines(terminal, status.drift).join('\n')}\n`
  // The last result says it itself, where it has looked.
  const sick = status.lastResult?.health.objects.length === 0 ? (status.unhealthy ?? []) : []
  const unhealthy = sick.length === 0 ? '' : `unhealthy\n${sick.flatMap(healthLines).join('\n')}\n`
  const last =
    status.lastResult === undefined
      ? ''
      : `last result, ${ago(status.lastResult.finishedAt, now)} ago\n${resultText(terminal, status.lastResult, status.drift)}`
  return `${rows.map(([name, value]) => `${name.padEnd(13)}${value}`).join('\n')}\n${unhealthy}${drift}${last}`
}
