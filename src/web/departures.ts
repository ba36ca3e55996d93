import { type Request, type Response, Router } from 'express'
import { may } from '../model/access.ts'
import type { Departure } from '../model/departure.ts'
import type { Intake, Target } from '../model/intake.ts'
import type { Confirm } from './confirmation.ts'
import { refuse, refuseUnknown } from './refusal.ts'
import { targetOf } from './sync-request.ts'
import { actorOf, placeOf, type ViewOf } from './view.ts'
import type { Waiting } from './waiting.ts'

/**
 * Ends: `GET /orphans` lists what the configuration has no more, `POST /applications/:name/detach` leaves the objects without our marks,
 * `/delete` deletes them (`?confirm=` as for a sync). Both concern an orphan; a suspended application can be detached too.
 * `GET /orphans/:cluster/:name/tickets/:wanted` goes on waiting. Mounted at `/api`.
 */
export function createDepartures(options: {
  viewOf: ViewOf
  intake: Intake
  confirm: Confirm
  waiting: Waiting
  now: () => number
}): Router {
  const { viewOf, intake, confirm, waiting, now } = options
  const router = Router()

  /** Whom the request means; undefined once it was refused. */
  const targetFor = async (departure: Departure, request: Request<{ name: string }>, response: Response): Promise<Target | undefined> => {
    const { principal, ledger, applicationOf } = viewOf(request)
    const { name } = request.params
    const { cluster } = request.query
    const left = (await ledger.orphans()).filter(
      (orphan) => orphan.application === name && (cluster === undefined || orphan.cluster === cluster) && may(principal, 'operate', orphan),
    )
    const [orphan] = left
    if (left.length > 1) return void refuse(request, response, 409, severalClusters(name, left))
    if (orphan !== undefined) return { application: name, cluster: orphan.cluster, repository: '' }
    const application = applicationOf(name)
    if (application === undefined || !may(principal, 'operate', placeOf(application))) return void refuseUnknown(request, response)
    if (cluster !== undefined && cluster !== application.destination.cluster) return void refuseUnknown(request, response)
    if (departure === 'detach' && (await ledger.status(name))?.suspended !== undefined) return targetOf(application)
    return void refuse(request, response, 409, stillConfigured(name, departure))
  }

  const depart = (departure: Departure) => async (request: Request<{ name: string }>, response: Response) => {
    const waitMs = waiting.wanted(request, response)
    if (waitMs === undefined) return
    const target = await targetFor(departure, request, response)
    const { ledger, principal } = viewOf(request)
    const actor = actorOf(principal)
    if (target === undefined || !(await confirm({ target, actor, ledger }, request, response))) return
    await intake.depart(target, departure, actor)
    const ticket = await intake.acceptTrigger(target, { reason: 'manual', at: now(), actor })
    if (waitMs === 0) response.status(202).json({ ticket })
    else await waiting.answer(request, response, { ticket, isOrphan: target.repository === '' }, waitMs)
  }

  router.get('/orphans', async (request, response) => {
    response.json({ orphans: await viewOf(request).ledger.orphans() })
  })
  router.post('/applications/:name/detach', depart('detach'))
  router.post('/applications/:name/delete', depart('delete'))
  router.get('/orphans/:cluster/:name/tickets/:wanted', async (request, response) => {
    const { cluster, name: application, wanted } = request.params
    const isReadable = may(viewOf(request).principal, 'read', { application, cluster })
    if (!isReadable || !/^[1-9]\d{0,14}$/.test(wanted)) return refuseUnknown(request, response)
    const waitMs = waiting.wanted(request, response)
    const ticket = { application, cluster, wanted: Number(wanted) }
    if (waitMs !== undefined) await waiting.answer(request, response, { ticket, isOrphan: true }, waitMs)
  })
  return router
}

function severalClusters(name: string, left: readonly { readonly cluster: string }[]) {
  const clusters = left.map(({ cluster }) => cluster).join(', ')
  return {
    code: 'several-clusters',
    message: `${name} has left objects in several clusters: ${clusters}.`,
    fix: 'Name one: --cluster NAME, or ?cluster=NAME in the API.',
  }
}

function stillConfigured(name: string, departure: Departure) {
  const suspend = departure === 'detach' ? ', or suspend it first' : ''
  return {
    code: 'still-configured',
    message: `${name} is configured: what leaves the cluster now would come back with the next sync.`,
    fix: `Remove it from the configuration${suspend}.`,
  }
}
