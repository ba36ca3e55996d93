import type { ObjectHealth } from '../model/health.ts'
import { displayName, displayOrigin } from '../model/object.ts'
import type { Change } from '../model/plan.ts'
import type { ApplicationStatus, SyncResult } from '../model/result.ts'
import { ago, plain, short } from './table.ts'
import { paint, type Paint, type Terminal } from './terminal.ts'

const COLOURS: Readonly<Record<string, Paint>> = {
  synced: 'green',
  current: 'green',
  'not affected': 'green',
  'out of sync': 'yellow',
  syncing: 'blue',
  queued: 'blue',
  'in progress': 'blue',
  drifted: 'yellow',
  held: 'yellow',
  terminating: 'yellow',
  superseded: 'dim',
  unknown: 'dim',
  failed: 'red',
}

/** A state in its colour; the word itself says everything. */
export function state(terminal: Terminal, word: string): string {
  const colour = COLOURS[word]
  return colour === undefined ? plain(word) : paint(terminal, colour, plain(word))
}

/** `2 created, 1 configured, 7 unchanged`; `no changes` where there is nothing to count. */
export function counts(result: SyncResult): string {
  const parts = Object.entries(result.counts).flatMap(([action, count]) =>
    count !== undefined && count > 0 ? [`${count} ${plain(action)}`] : [],
  )
  return parts.length === 0 ? 'no changes' : parts.join(', ')
}

/** One line per change, with its reason and what drifted. */
export function changeLines(changes: readonly Change[]): readonly string[] {
  return changes.flatMap((change) => {
    const place = change.origin === undefined ? '' : ` (${plain(displayOrigin(change.origin))})`
    const line = `  ${plain(change.action).padEnd(10)} ${plain(displayName(change.object))}: ${plain(change.reason)}${place}`
    const drift = (change.drift ?? []).map(
      ({ field, manager, at }) =>
        `             ${plain(field)}, by ${plain(manager ?? 'unknown')}${at === undefined ? '' : `, at ${plain(at)}`}`,
    )
    const fix = change.fix === undefined ? [] : [`             → ${plain(change.fix)}`]
    return [line, ...drift, ...fix]
  })
}

/** One object that is not well, and the last lines of the container that made it so. */
function healthLines({ object, status, message, log = [] }: ObjectHealth): readonly string[] {
  return [
    `  ${plain(status).padEnd(10)} ${plain(displayName(object))}: ${plain(message)}`,
    ...log.map((line) => `             | ${plain(line)}`),
  ]
}

/** A result as a paragraph: what happened, why, and what to do. */
export function resultText(terminal: Terminal, result: SyncResult): string {
  const seconds = ((result.finishedAt - result.startedAt) / 1000).toFixed(2)
  const head = `${result.application} ${state(terminal, result.outcome)} at ${short(result.revision)} in ${seconds} s (${result.reason}): ${counts(result)}; health ${state(terminal, result.health.status)}`
  const unhealthy = result.health.objects.filter(({ status }) => status !== 'current')
  const lines = [
    head,
    `  ${plain(result.message)}`,
    ...changeLines(result.changes),
    ...unhealthy.flatMap(healthLines),
    ...result.warnings.map((warning) => `  warning    ${plain(warning)}`),
    ...(result.problem === undefined ? [] : [`  → ${plain(result.problem.fix)}`]),
    ...(result.outcome === 'held' && result.plan !== undefined
      ? [`  → to carry out exactly this plan: gitwake sync ${result.application} --confirm ${plain(result.plan)}`]
      : []),
  ]
  return `${lines.join('\n')}\n`
}

/** Everything about one application. */
export function statusText(terminal: Terminal, status: ApplicationStatus, now: number): string {
  const { head, applied, unappliedSince } = status
  const rows: readonly (readonly [string, string])[] = [
    ['application', plain(status.application)],
    ['source', `${plain(status.repository)} ${plain(status.ref)} ${status.path === '' ? '/' : plain(status.path)}`],
    ['destination', `${plain(status.cluster)}, namespace ${plain(status.namespace)}`],
    ['sync', state(terminal, status.sync)],
    ['health', state(terminal, status.health)],
    ['head', head === undefined ? '–' : `${plain(head.revision)}, seen ${ago(head.seenAt, now)} ago`],
    ['applied', applied === undefined ? '–' : `${plain(applied.revision)}, ${ago(applied.at, now)} ago`],
    ...(unappliedSince === undefined ? [] : ([['waiting', `a commit waits for ${ago(unappliedSince, now)}`]] as const)),
    ['tickets', `${status.done} of ${status.wanted} done`],
  ]
  const drift = status.drift.length === 0 ? '' : `drift\n${changeLines(status.drift).join('\n')}\n`
  const last =
    status.lastResult === undefined
      ? ''
      : `last result, ${ago(status.lastResult.finishedAt, now)} ago\n${resultText(terminal, status.lastResult)}`
  return `${rows.map(([name, value]) => `${name.padEnd(13)}${value}`).join('\n')}\n${drift}${last}`
}
