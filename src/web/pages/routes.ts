import { Router, type Request } from 'express'
import { decodeSubject, type Planner } from '../../model/plan-report.ts'
import { refuseEmbedding } from '../access.ts'
import { statusOf } from '../api.ts'
import { htmlText } from '../html.ts'
import type { PlanDesk } from '../plans.ts'
import { refuseUnknown } from '../refusal.ts'
import { targetOf } from '../sync-request.ts'
import type { ViewOf } from '../view.ts'
import { applicationPage } from './application-page.ts'
import { planPage } from './plan-page.ts'
import { statusPage } from './status-page.ts'

const SHOWN_HISTORY = 30
/** Nobody looks at an empty page for longer. */
const LONGEST_PLAN_MS = 25_000

/** The pages. */
export function createPages(options: { viewOf: ViewOf; planner: Planner; desk: PlanDesk; now: () => number }): Router {
  const { viewOf, planner, desk, now } = options
  const router = Router()

  router.get('/', async (request, response) => {
    const filter = { state: textOf(request, 'state'), search: textOf(request, 'q').trim() }
    const { ledger, principal: who } = viewOf(request)
    const [statuses, orphans] = await Promise.all([ledger.statuses(), ledger.orphans()])
    response.type('html').send(htmlText(statusPage(statuses, orphans, filter, { now: now(), who })))
  })

  router.get('/applications/:name', async (request, response) => {
    const { ledger, principal } = viewOf(request)
    const status = await statusOf(ledger, request.params.name)
    if (!status) return refuseUnknown(request, response)
    const history = await ledger.history(status.application, SHOWN_HISTORY)
    response.type('html').send(htmlText(applicationPage(status, history, now(), principal)))
  })

  router.use('/applications/:name/plan', refuseEmbedding)
  router.get('/applications/:name/plan', async (request, response) => {
    const { name } = request.params
    const { applicationOf, principal: who } = viewOf(request)
    const application = applicationOf(name)
    const subject = decodeSubject(request.query)
    if (!application || typeof subject === 'string') return refuseUnknown(request, response)
    const target = targetOf(application)
    const since = await planner.ask(target, subject)
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const report = await desk.wait(target, subject, since, AbortSignal.any([gone.signal, AbortSignal.timeout(LONGEST_PLAN_MS)]))
    response.type('html').send(htmlText(planPage(name, subject, report, { now: now(), who })))
  })

  return router
}

/** One value of the query; anything longer or stranger than a person would type is taken as nothing. */
function textOf(request: Request, name: string): string {
  const value = request.query[name]
  return typeof value === 'string' && value.length <= 200 ? value : ''
}
