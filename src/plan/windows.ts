import { Cron } from 'croner'
import type { Application, Cluster, SyncWindow } from '../model/configuration.ts'
import { matchSegment } from '../model/glob.ts'

/** Whether a sync may write now and, where it may not, when it may: unknown where no opening is in sight. */
export type WindowVerdict = { readonly open: true } | { readonly open: false; readonly until?: number; readonly why: string }

/** So many beginnings and ends of windows are looked at for the next opening. */
const MOST_BOUNDARIES = 200

/** The windows that concern an application: its own, and those of its cluster that name it. */
export function windowsFor({ name, sync }: Application, { windows = [] }: Cluster): readonly SyncWindow[] {
  return [...windows.filter(({ applications = ['*'] }) => applications.some((glob) => matchSegment(glob, name))), ...(sync.windows ?? [])]
}

/**
 * The rules of Argo CD: an active deny window closes; without one, an active allow window opens; where there are allow windows and none is
 * active, it is closed; without windows it is open. A sync by hand passes where every window that closes allows that.
 * @param now Milliseconds since 1970.
 */
export function windowVerdict(windows: readonly SyncWindow[], now: number, byHand: boolean): WindowVerdict {
  const timed = windows.map((window) => ({ window, cron: cronOf(window) }))
  const closing = closedBy(timed, now)
  if (closing.length === 0 || (byHand && closing.every(({ window }) => window.manual))) return { open: true }
  const until = nextOpening(timed, now)
  return { open: false, ...(until !== undefined && { until }), why: reasonOf(closing) }
}

interface Timed {
  readonly window: SyncWindow
  readonly cron: Cron
}

/** The windows that keep it closed at a moment; none where it is open. */
function closedBy(timed: readonly Timed[], at: number): readonly Timed[] {
  const active = timed.filter((one) => isActive(one, at))
  const denying = active.filter(({ window }) => window.kind === 'deny')
  if (denying.length > 0) return denying
  return active.length > 0 ? [] : timed.filter(({ window }) => window.kind === 'allow')
}

function isActive({ window, cron }: Timed, at: number): boolean {
  const begins = cron.nextRun(new Date(at - window.durationMs))
  return begins !== null && begins.getTime() <= at
}

function nextOpening(timed: readonly Timed[], now: number): number | undefined {
  let at: number | undefined = now
  for (let seen = 0; seen < MOST_BOUNDARIES; seen += 1) {
    at = nextBoundary(timed, at)
    if (at === undefined || closedBy(timed, at).length === 0) return at
  }
  return undefined
}

/** The next moment at which a window begins or ends. */
function nextBoundary(timed: readonly Timed[], after: number): number | undefined {
  const moments = timed.flatMap(({ window, cron }) => {
    const begins = cron.nextRun(new Date(after))
    const ends = cron.nextRun(new Date(after - window.durationMs))
    return [...(begins === null ? [] : [begins.getTime()]), ...(ends === null ? [] : [ends.getTime() + window.durationMs])]
  })
  return moments.length === 0 ? undefined : Math.min(...moments)
}

function reasonOf(closing: readonly Timed[]): string {
  const names = closing.map(({ window: { schedule, timeZone } }) => `${schedule} (${timeZone})`).join(', ')
  return closing[0]?.window.kind === 'deny' ? `a deny window is active: ${names}` : `no allow window is active: ${names}`
}

function cronOf({ schedule, timeZone }: Pick<SyncWindow, 'schedule' | 'timeZone'>): Cron {
  return new Cron(schedule, { timezone: timeZone, paused: true })
}

/** What is wrong with a schedule and its time zone, as they are written. */
export function scheduleProblem(
  schedule: string,
  timeZone: string,
  now: number,
): { field: 'schedule' | 'timeZone'; message: string } | undefined {
  try {
    new Intl.DateTimeFormat('en', { timeZone })
  } catch {
    return {
      field: 'timeZone',
      message: `is not a time zone: write one as Europe/Berlin or UTC, not ${JSON.stringify(timeZone.slice(0, 60))}`,
    }
  }
  const field = 'schedule'
  const example = 'write minute, hour, day, month and weekday, such as "0 22 * * 1-5"'
  // The library takes seconds and years, too; a window that begins every second is no window.
  if (!/^(?:@[a-z]+|\S+(?: +\S+){4})$/i.test(schedule.trim())) return { field, message: `must have five fields: ${example}` }
  try {
    const next = cronOf({ schedule, timeZone }).nextRun(new Date(now))
    return next === null ? { field, message: 'never comes: there is no such day' } : undefined
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error)
    return { field, message: `is no cron expression (${why}): ${example}` }
  }
}
