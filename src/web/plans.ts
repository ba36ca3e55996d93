import { setTimeout as sleep } from 'node:timers/promises'
import { Router } from 'express'
import type { Target } from '../model/intake.ts'
import { decodeSubject, subjectText, type Planner, type PlanReport, type PlanSubject } from '../model/plan-report.ts'
import { refuseEmbedding } from './access.ts'
import { refuse, refuseUnknown } from './refusal.ts'
import { targetOf } from './sync-request.ts'
import type { ViewOf } from './view.ts'
import type { Waiting } from './waiting.ts'

const MOST_WAITERS = 200
const LONGEST_PAUSE_MS = 500

/** Lets requests wait for plans, so many at a time. */
export interface PlanDesk {
  /** The plan that a request asked for, once it is there; undefined when the time is over. */
  wait(target: Target, subject: PlanSubject, since: number, signal: AbortSignal): Promise<PlanReport | undefined>
}

export function createPlanDesk(planner: Planner, closing: AbortSignal): PlanDesk {
  let waiters = 0
  return {
    async wait(target, subject, since, signal) {
      const ended = AbortSignal.any([signal, closing])
      waiters += 1
      try {
        for (let pauseMs = 50; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
          const found = await planner.find(target, subject, since)
          // Too many already: whoever comes now looks once, and asks again.
          if (found !== undefined || ended.aborted || waiters > MOST_WAITERS) return found
          await sleep(pauseMs, undefined, { signal: ended }).catch(() => undefined)
        }
      } finally {
        waiters -= 1
      }
    },
  }
}

/**
 * `GET /applications/:name/plan[?ref=…|revision=…|pull=…]` asks for a plan: 202 with where to find it or, with `?wait=`, 200 with the plan
 * as soon as it is there. With `?since=`, which stands in that place, it asks for nothing new. Mounted at `/api`.
 */
export function createPlans(options: { viewOf: ViewOf; planner: Planner; desk: PlanDesk; waiting: Waiting }): Router {
  const { viewOf, planner, desk, waiting } = options
  const router = Router()

  router.use('/applications/:name/plan', refuseEmbedding)
  router.get('/applications/:name/plan', async (request, response) => {
    const { name } = request.params
    const application = viewOf(request).applicationOf(name)
    if (!application) return refuseUnknown(request, response)
    const subject = decodeSubject(request.query)
    if (typeof subject === 'string') {
      const fix = 'Write ref=BRANCH, revision=SHA or pull=NUMBER, or nothing for the head of the configured ref.'
      return refuse(request, response, 400, { code: 'bad-plan', message: `${subject}.`, fix })
    }
    const waitMs = waiting.wanted(request, response)
    if (waitMs === undefined) return
    const target = targetOf(application)
    const asked = sinceOf(request.query.since)
    const since = asked ?? (await planner.ask(target, subject))
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const report = await desk.wait(target, subject, since, AbortSignal.any([gone.signal, AbortSignal.timeout(waitMs)]))
    if (report === undefined) {
      const query = [subjectText(subject), `since=${since}`].filter((part) => part !== '').join('&')
      const location = `/api/applications/${encodeURIComponent(name)}/plan?${query}`
      return void response.status(202).set('Location', location).json({ application: name, since, location })
    }
    const { problem } = report
    if (report.outcome !== 'failed' || problem === undefined) return void response.json(report)
    if (problem.retryable) response.set('Retry-After', '10')
    const { code, message, fix } = problem
    refuse(request, response, problem.retryable ? 503 : 422, { code, message, fix, reasons: message.split('\n') }, report)
  })

  return router
}

function sinceOf(value: unknown): number | undefined {
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined
}
