import { type Request, type Response, Router } from 'express'
import type { Application, CurrentConfiguration } from '../model/configuration.ts'
import type { Intake } from '../model/intake.ts'
import { isApplicationName } from './api.ts'
import { refuse, refuseUnknown } from './refusal.ts'
import { targetOf } from './sync-request.ts'
import type { Log } from '../model/log.ts'
import type { Waiting } from './waiting.ts'

const LONGEST_NAME = 100
const LONGEST_REASON = 500

/** Who says something, and why, as the request tells it. */
interface Said {
  readonly by: string
  readonly reason?: string
}

/**
 * What holds of an application until further notice: `POST /applications/:name/suspend` and `/resume`, with `?reason=` and `?by=`.
 * Written down first and then asked for as a sync, which keeps it in the cluster: 202 with its ticket. Mounted at `/api`.
 */
export function createStandings(options: {
  configuration: CurrentConfiguration
  intake: Intake
  waiting: Waiting
  log: Log
  now: () => number
}): Router {
  const { configuration, intake, waiting, log, now } = options
  const router = Router()

  /** The application and what is said of it; undefined once the request was refused. */
  const read = (request: Request<{ name: string }>, response: Response): (Said & { readonly application: Application }) | undefined => {
    const { name } = request.params
    const application = isApplicationName(name) ? configuration().applications.get(name) : undefined
    if (!application) return void refuseUnknown(request, response)
    const [by, reason] = [textOf(request.query.by, LONGEST_NAME), textOf(request.query.reason, LONGEST_REASON)]
    if (by !== 'wrong' && reason !== 'wrong')
      return { application, by: by?.text ?? 'the API', ...(reason !== undefined && { reason: reason.text }) }
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
    else await waiting.answer(request, response, ticket, waitMs)
  })

  return router
}

function suspendedByConfiguration(name: string) {
  const fix = 'Remove spec.suspend from its document, where it was set for a reason.'
  return { code: 'suspended-by-configuration', message: `${name} is suspended by the configuration.`, fix }
}

/** Undefined where there is none. What could steer a terminal or a log is no text. */
function textOf(value: unknown, most: number): { readonly text: string } | 'wrong' | undefined {
  if (value === undefined || value === '') return undefined
  // oxlint-disable-next-line no-control-regex -- they are what is refused
  return typeof value === 'string' && value.length <= most && !/[\u0000-\u001f\u007f-\u009f]/.test(value) ? { text: value } : 'wrong'
}
