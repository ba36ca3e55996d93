import { type Request, type Response, Router } from 'express'
import type { Application, CurrentConfiguration } from '../model/configuration.ts'
import type { Intake, Target } from '../model/intake.ts'
import { isApplicationName } from './api.ts'
import { refuse, refuseUnknown } from './refusal.ts'
import type { Waiting } from './waiting.ts'

const PLAN_DIGEST = /^[\w:=+.-]{1,200}$/

/**
 * Syncs by hand: `POST /applications/:name/sync` answers 202 with the ticket, or, with `?wait=`, once that is done;
 * `GET /applications/:name/tickets/:wanted?wait=` goes on waiting for a ticket. Mounted at `/api`.
 */
export function createSyncRequests(options: {
  configuration: CurrentConfiguration
  intake: Intake
  waiting: Waiting
  now: () => number
}): Router {
  const { configuration, intake, waiting, now } = options
  const router = Router()
  const applicationOf = (name: string): Application | undefined =>
    isApplicationName(name) ? configuration().applications.get(name) : undefined

  router.post('/applications/:name/sync', async (request, response) => {
    const application = applicationOf(request.params.name)
    if (!application) return refuseUnknown(request, response)
    const waitMs = waiting.wanted(request, response)
    if (waitMs === undefined) return
    const target = targetOf(application)
    if (!(await confirm(intake, target, request, response))) return
    const ticket = await intake.acceptTrigger(target, { reason: 'manual', at: now() })
    if (waitMs === 0) response.status(202).json({ ticket })
    else await waiting.answer(request, response, ticket, waitMs)
  })

  router.get('/applications/:name/tickets/:wanted', async (request, response) => {
    const application = applicationOf(request.params.name)
    if (!application || !/^[1-9]\d{0,14}$/.test(request.params.wanted)) return refuseUnknown(request, response)
    const waitMs = waiting.wanted(request, response)
    if (waitMs === undefined) return
    const ticket = { application: application.name, cluster: application.destination.cluster, wanted: Number(request.params.wanted) }
    await waiting.answer(request, response, ticket, waitMs)
  })

  return router
}

export function targetOf(application: Application): Target {
  return { application: application.name, cluster: application.destination.cluster, repository: application.source.repository }
}

/** Writes down a person's word for a held plan, where one was given; false once the request was refused. */
async function confirm(intake: Intake, target: Target, request: Request, response: Response): Promise<boolean> {
  const plan = request.query.confirm
  if (plan === undefined) return true
  if (typeof plan !== 'string' || !PLAN_DIGEST.test(plan)) {
    const fix = 'Take it from the held result: it is the value of "plan".'
    refuse(request, response, 400, { code: 'bad-confirm', message: 'confirm is not the digest of a plan.', fix })
    return false
  }
  await intake.confirmPlan(target, plan)
  return true
}
