import type { Request, Response } from 'express'
import { formatDuration, parseDuration } from '../model/duration.ts'
import type { Ledger } from '../model/intake.ts'
import type { Ticket } from '../model/job.ts'
import { displayName, displayOrigin } from '../model/object.ts'
import type { SyncResult } from '../model/result.ts'
import { refuse, type Refusal } from './refusal.ts'

const LONGEST_WAIT_MS = 600_000
const MOST_WAITERS = 2_000

/** What a request waits for: a ticket, with a result of this revision or of a later head where one is named. */
export interface Awaited {
  readonly ticket: Ticket
  readonly revision?: string
  /** The configuration has no such application (any more): its tickets have an address of their own. */
  readonly isOrphan?: boolean
}

export interface Waiting {
  /** How long this request wants to wait, in milliseconds (0: not at all); undefined once it was refused. */
  wanted(request: Request, response: Response): number | undefined
  /** Answers as soon as the ticket is done; ends when the time is over, the client leaves or the server closes. */
  answer(request: Request, response: Response, awaited: Awaited, waitMs: number): Promise<void>
}

/** Lets requests wait for their tickets, so many at a time. */
export function createWaiting(ledger: Ledger, closing: AbortSignal): Waiting {
  let waiters = 0

  return {
    wanted(request, response) {
      const { wait } = request.query
      if (wait === undefined) return 0
      const waitMs = typeof wait === 'string' ? parseDuration(wait) : undefined
      if (waitMs !== undefined) return Math.min(waitMs, LONGEST_WAIT_MS)
      refuse(request, response, 400, {
        code: 'bad-wait',
        message: 'wait is not a duration.',
        fix: 'Write it as 30s or 2m; 10m is the longest.',
      })
      return undefined
    },

    async answer(request, response, awaited, waitMs) {
      const { ticket, revision } = awaited
      if (waiters >= MOST_WAITERS) {
        response.set('Retry-After', '5')
        return refuse(request, response, 503, { ...TOO_MANY, fix: `Ask again: GET ${pathOf(awaited)}.` }, { ticket })
      }
      const gone = new AbortController()
      const leave = (): void => gone.abort()
      response.once('close', leave)
      waiters += 1
      try {
        const ended = AbortSignal.any([gone.signal, closing, AbortSignal.timeout(waitMs)])
        const result = await (revision === undefined ? ledger.waitFor(ticket, ended) : ledger.waitForRevision(ticket, revision, ended))
        if (gone.signal.aborted) return
        if (result === undefined) refuseLate(request, response, awaited, waitMs, await lastTry(ledger, ticket))
        else answerResult(request, response, awaited, result)
      } finally {
        waiters -= 1
        response.off('close', leave)
      }
    },
  }
}

const TOO_MANY = {
  code: 'too-many-waiters',
  message: `More than ${MOST_WAITERS} requests are waiting already; the sync itself was accepted.`,
}

/** Where one can go on waiting for a ticket. */
function pathOf({ ticket: { application, cluster, wanted }, revision, isOrphan }: Awaited): string {
  const [name, place] = [encodeURIComponent(application), encodeURIComponent(cluster)]
  return `/api/${isOrphan === true ? `orphans/${place}/${name}` : `applications/${name}`}/tickets/${wanted}?wait=60s${revision === undefined ? '' : `&revision=${revision}`}`
}

/** The newest run that has seen the ticket, where it failed in a way that is tried again, or waits itself: whoever waits should know why. */
async function lastTry(ledger: Ledger, { application, cluster, wanted }: Ticket): Promise<SyncResult | undefined> {
  const [newest] = await ledger.history(application, 1)
  const goesOn = newest?.outcome === 'failed' || newest?.outcome === 'waiting'
  return goesOn && newest.cluster === cluster && newest.seen >= wanted ? newest : undefined
}

function refuseLate(request: Request, response: Response, awaited: Awaited, waitMs: number, tried: SyncResult | undefined): void {
  const { ticket, revision } = awaited
  const why =
    tried === undefined
      ? revision === undefined
        ? 'The sync goes on'
        : `No sync of ${revision.slice(0, 12)}, or of a later head, has ended: is it pushed to the branch that the application follows?`
      : tried.outcome === 'waiting'
        ? `It ${tried.message}`
        : `It is tried again, the last try failed: ${tried.problem?.message ?? tried.message}`
  const again = `Go on waiting: GET ${pathOf(awaited)}.`
  refuse(
    request,
    response,
    504,
    {
      code: 'not-in-time',
      message: `${ticket.application} was not done within ${formatDuration(waitMs)}.`,
      reasons: [`${why}${/[.?]$/.test(why) ? '' : '.'}`],
      fix: tried?.problem === undefined ? again : `${again} ${tried.problem.fix}`,
    },
    { ticket },
  )
}

function answerResult(request: Request, response: Response, { ticket, revision }: Awaited, result: SyncResult): void {
  const refusal = refusalOf(result) ?? (revision === undefined ? undefined : pinnedElsewhere(result, revision))
  if (refusal) refuse(request, response, refusal.status, refusal.refusal, { ticket, ...result })
  else response.json({ ticket, ...result })
}

/** A rollback holds: the commit that was waited for is not what was applied. */
function pinnedElsewhere({ application, revision, head }: SyncResult, awaited: string) {
  if (head === undefined || revision === awaited) return undefined
  const message = `${application} is rolled back to ${revision}, and stays there.`
  const fix = `Revert in Git, or POST /api/applications/${application}/unpin.`
  return { status: 409, refusal: { code: 'pinned', message, fix } }
}

/** Why a finished sync is not a success: held for a person's word, or the commit is at fault. */
function refusalOf(result: SyncResult): { readonly status: number; readonly refusal: Refusal } | undefined {
  if (result.outcome === 'held') {
    const again = `POST /api/applications/${result.application}/sync?confirm=${result.plan ?? ''}`
    // The fix of a deletion that is held names its own command.
    const fix =
      result.plan === undefined || result.problem?.fix.includes(result.plan) === true
        ? (result.problem?.fix ?? 'Correct the commit.')
        : `Read the held changes; to carry out exactly this plan: ${again}.`
    return { status: 409, refusal: { code: 'held', message: result.message, fix, reasons: reasonsOf(result) } }
  }
  if (result.outcome === 'suspended') {
    const fix = `To go on: POST /api/applications/${result.application}/resume, or remove spec.suspend where the configuration says so.`
    return { status: 409, refusal: { code: 'suspended', message: result.message, fix } }
  }
  const unhealthy = result.health.status === 'failed'
  if (result.outcome !== 'failed' && !unhealthy) return undefined
  return {
    status: 422,
    refusal: {
      code: result.problem?.code ?? (unhealthy ? 'unhealthy' : 'failed'),
      message: result.problem?.message ?? result.message,
      fix: result.problem?.fix ?? 'Push a commit that corrects the reasons below, or revert this one.',
      reasons: reasonsOf(result),
    },
  }
}

/** One line for everything that went wrong: object, reason, what to do, and where it stands in the repository. */
function reasonsOf(result: SyncResult): readonly string[] {
  const changes = result.changes.filter(({ action }) => action === 'failed' || action === 'held')
  const unhealthy = result.health.objects.filter(({ status }) => status === 'failed')
  return [
    ...changes.map(({ object, reason, fix, origin }) =>
      [`${displayName(object)}: ${reason}`, fix, origin && `(${displayOrigin(origin)})`].filter(Boolean).join(' '),
    ),
    ...unhealthy.map(({ object, message }) => `${displayName(object)}: ${message}`),
  ]
}
