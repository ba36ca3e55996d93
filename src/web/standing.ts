import { type Request, type Response, Router } from 'express'
import type { Application } from '../model/configuration.ts'
import type { Intake, Ledger } from '../model/intake.ts'
import { refuse, refuseUnknown } from './refusal.ts'
import { targetOf } from './sync-request.ts'
import { isLine } from '../model/line.ts'
import type { Log } from '../model/log.ts'
import { actorOf, type ViewOf } from './view.ts'
import type { Waiting } from './waiting.ts'

const LONGEST_NAME = 100
const LONGEST_REASON = 500

/** Who says something, and why, as the request tells it. */
interface Said {
  readonly by: string
  readonly reason?: string
}

/**
 * What holds of an application until further notice: `POST /applications/:name/suspend`, `/resume`, `/rollback?to=` and `/unpin`, with
 * `?reason=` and `?by=`.
 * Written down first and then asked for as a sync, which keeps it in the cluster: 202 with its ticket. Mounted at `/api`.
 */
export function createStandings(options: {
  viewOf: ViewOf
  intake: Intake
  ledger: Ledger
  waiting: Waiting
  log: Log
  now: () => number
}): Router {
  const { viewOf, intake, ledger, waiting, log, now } = options
  const router = Router()

  /** The application and what is said of it; undefined once the request was refused. */
  const read = (request: Request<{ name: string }>, response: Response): (Said & { readonly application: Application }) | undefined => {
    const { applicationOf, principal } = viewOf(request)
    const application = applicationOf(request.params.name)
    if (!application) return void refuseUnknown(request, response)
    const [by, reason] = [textOf(request.query.by, LONGEST_NAME), textOf(request.query.reason, LONGEST_REASON)]
    if (by !== 'wrong' && reason !== 'wrong')
      return { application, by: actorOf(principal, by?.text), ...(reason !== undefined && { reason: reason.text }) }
    const fix = `Write by (up to ${LONGEST_NAME} characters) and reason (up to ${LONGEST_REASON}) as one line of text each.`
    return void refuse(request, response, 400, { code: 'bad-text', message: 'by or reason is not a line of text.', fix })
  }

  router.post('/applications/:name/suspend', async (request, response) => {
    const said = read(request, response)
    if (said === undefined) return
    const { application, by, reason } = said
    const suspension = { active: true, by, at: now(), ...(reason !== undefined && { reason }) }
    await intake.say(targetOf(application), { suspension })
    log.info({ application: application.name, by, reason }, 'suspended')
    const ticket = await intake.acceptTrigger(targetOf(application), { reason: 'manual', at: now(), actor: by })
    response.status(202).json({ ticket, suspended: { by, reason, at: suspension.at } })
  })

  router.post('/applications/:name/resume', async (request, response) => {
    const said = read(request, response)
    if (said === undefined) return
    const { application, by, reason } = said
    if (application.suspend !== undefined) return refuse(request, response, 409, suspendedByConfiguration(application.name))
    const waitMs = waiting.wanted(request, response)
    if (waitMs === undefined) return
    await intake.say(targetOf(application), { suspension: { active: false, by, at: now(), ...(reason !== undefined && { reason }) } })
    log.info({ application: application.name, by, reason }, 'resumed')
    const ticket = await intake.acceptTrigger(targetOf(application), { reason: 'manual', at: now(), actor: by })
    if (waitMs === 0) response.status(202).json({ ticket })
    else await waiting.answer(request, response, { ticket }, waitMs)
  })

  router.post('/applications/:name/rollback', async (request, response) => {
    const said = read(request, response)
    if (said === undefined) return
    const { application, by, reason } = said
    const waitMs = waiting.wanted(request, response)
    if (waitMs === undefined) return
    const { name } = application
    const revision = await revisionOf(request.query.to, name)
    if (revision === undefined) return refuse(request, response, 400, { code: 'bad-revision', ...NO_REVISION })
    const status = await ledger.status(name)
    if (status?.head?.revision === revision && status.pinned === undefined) {
      const message = `${revision} is what the branch stands at: there is nothing to roll back from.`
      return refuse(request, response, 409, { code: 'is-the-head', message, fix: 'Name an earlier commit.' })
    }
    // Of a rollback from a rollback, what was bad before stays so.
    const known = [status?.pinned?.bad, status?.head?.revision, status?.applied?.revision]
    const bad = [...new Set(known.flatMap((one) => (one === undefined || one === revision ? [] : [one])))]
    const pin = { active: true, by, at: now(), revision, bad, settled: false, ...(reason !== undefined && { reason }) }
    await intake.say(targetOf(application), { pin })
    log.warn({ application: name, by, reason, revision, bad: bad[0] }, 'rolled back')
    const ticket = await intake.acceptTrigger(targetOf(application), { reason: 'manual', at: now(), actor: by })
    const commands = bad[0] === undefined ? undefined : revertCommands(application.source.ref, revision, bad[0])
    const pinned = { revision, ...(bad[0] !== undefined && { bad: bad[0] }), by, ...(reason !== undefined && { reason }), at: pin.at }
    if (waitMs === 0) response.status(202).json({ ticket, pinned, ...(commands && { commands }) })
    else await waiting.answer(request, response, { ticket }, waitMs)
  })

  router.post('/applications/:name/unpin', async (request, response) => {
    const said = read(request, response)
    if (said === undefined) return
    const { application, by, reason } = said
    const waitMs = waiting.wanted(request, response)
    if (waitMs === undefined) return
    const revision = (await ledger.status(application.name))?.pinned?.revision ?? ''
    const word = { active: false, by, at: now(), ...(reason !== undefined && { reason }) }
    await intake.say(targetOf(application), { pin: { ...word, revision, bad: [], settled: false } })
    log.info({ application: application.name, by, reason, revision }, 'follows its branch again')
    const ticket = await intake.acceptTrigger(targetOf(application), { reason: 'manual', at: now(), actor: by })
    if (waitMs === 0) response.status(202).json({ ticket })
    else await waiting.answer(request, response, { ticket }, waitMs)
  })

  /** A full id as it is; a shorter one names a revision of the history, where it names one alone. */
  const revisionOf = async (to: unknown, application: string): Promise<string | undefined> => {
    if (typeof to !== 'string' || !/^[0-9a-f]{7,64}$/.test(to)) return undefined
    if (to.length === 40 || to.length === 64) return to
    const known = (await ledger.history(application, 500)).flatMap(({ revision, head }) => [revision ?? '', head ?? ''])
    const found = new Set(known.filter((revision) => revision.startsWith(to)))
    return found.size === 1 ? [...found][0] : undefined
  }

  return router
}

const NO_REVISION = {
  message: 'to is no full commit id, and not the beginning of exactly one revision of the history.',
  fix: 'Write to=SHA: GET /api/applications/:name/history lists revisions.',
}

/** How the rollback gets into Git: only a commit ends it for good. */
function revertCommands(ref: string, revision: string, bad: string): readonly string[] {
  const branch = ref.replace(/^refs\/(?:heads|tags)\//, '')
  return [
    `git fetch origin ${branch} && git switch ${branch} && git merge --ff-only FETCH_HEAD`,
    `git revert --no-edit ${revision.slice(0, 12)}..${bad.slice(0, 12)}`,
    `git push origin ${branch}`,
  ]
}

function suspendedByConfiguration(name: string) {
  const fix = 'Remove spec.suspend from its document, where it was set for a reason.'
  return { code: 'suspended-by-configuration', message: `${name} is suspended by the configuration.`, fix }
}

/** Undefined where there is none. What could steer a terminal or a log is no text. */
function textOf(value: unknown, most: number): { readonly text: string } | 'wrong' | undefined {
  if (value === undefined || value === '') return undefined
  return typeof value === 'string' && value.length <= most && isLine(value) ? { text: value } : 'wrong'
}
