import express, { type Express, type RequestHandler } from 'express'
import type { AuditReader } from '../model/audit.ts'
import type { CurrentConfiguration } from '../model/configuration.ts'
import type { Intake, Ledger } from '../model/intake.ts'
import type { Logins } from '../model/login.ts'
import type { Planner } from '../model/plan-report.ts'
import { createAccess } from './access.ts'
import { createAssets } from './assets/routes.ts'
import { createApi } from './api.ts'
import { createAuditExport } from './audit.ts'
import { createCommits } from './commits.ts'
import { createConfirm } from './confirmation.ts'
import { createDepartures } from './departures.ts'
import { createEvents } from './events.ts'
import { answerFailure } from './failure.ts'
import type { AddressOf, FailureLimit } from './failure-limit.ts'
import type { Checks } from './checks.ts'
import { createHealth } from './health.ts'
import type { Log } from '../model/log.ts'
import { createLoginRoutes } from './login.ts'
import { createMe } from './me.ts'
import type { Metrics } from './metrics.ts'
import { createPages } from './pages/routes.ts'
import { createPlanDesk, createPlans } from './plans.ts'
import { queuesAreElsewhere } from './queue-application.ts'
import { QUEUES_PATH } from './queue-ui.ts'
import { refuseUnknown } from './refusal.ts'
import { securityHeaders } from './security-headers.ts'
import { createStandings } from './standing.ts'
import { createSyncRequests } from './sync-request.ts'
import type { TokenBook } from './tokens.ts'
import { createWaiting } from './waiting.ts'
import type { Witness } from './witness.ts'

/** What the API and the pages are made of. */
export interface WebParts {
  /** While there is neither token nor login, everything but the health checks is closed. */
  readonly tokens: TokenBook
  readonly logins: Logins
  readonly configuration: CurrentConfiguration
  readonly ledger: Ledger
  readonly intake: Intake
  readonly planner: Planner
  readonly audit: AuditReader
  readonly witness: Witness
  readonly readiness: Checks
  readonly metrics: Metrics
  /** `elsewhere`: it has a listener of its own. */
  readonly queueUi: RequestHandler | 'elsewhere' | undefined
  /** Counts wrong tokens, over all listeners. */
  readonly failures: FailureLimit
  readonly addressOf: AddressOf
  readonly log: Log
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** How long one stream of events lasts; five minutes where nothing is said. */
  readonly eventsLifetimeMs?: number
}

/** Everything behind express, in the order in which a request meets it. `closing` ends what would otherwise wait. */
export function createApplication(parts: WebParts, closing: AbortSignal): Express {
  const { ledger, planner, now, log } = parts
  const { guard, viewOf } = createAccess(parts)
  const waiting = createWaiting(ledger, closing)
  const desk = createPlanDesk(planner, closing)
  const confirm = createConfirm(parts)
  const application = express()
  application.disable('x-powered-by').disable('etag').set('query parser', 'simple')

  application.use(countRequests(parts.metrics))
  application.use(securityHeaders)
  application.use(createHealth(parts.readiness))
  application.use(createAssets())
  application.use(createLoginRoutes(parts))
  application.use(guard)
  application.get('/metrics', async (_request, response) => {
    const { contentType, body } = await parts.metrics.text()
    response.set('Content-Type', contentType).send(body)
  })
  application.get('/api/events', createEvents({ ledger, closing, log, viewOf, lifetimeMs: parts.eventsLifetimeMs }))
  application.use('/api', createApi(viewOf))
  application.use('/api', createMe(viewOf))
  application.use('/api', createCommits(viewOf))
  application.use('/api', createAuditExport({ audit: parts.audit, now }))
  application.use('/api', createSyncRequests({ viewOf, intake: parts.intake, confirm, waiting, now }))
  application.use('/api', createDepartures({ viewOf, intake: parts.intake, confirm, waiting, now }))
  application.use('/api', createStandings({ viewOf, intake: parts.intake, ledger, waiting, log, now }))
  application.use('/api', createPlans({ viewOf, planner, desk, waiting }))
  if (parts.queueUi) application.use(QUEUES_PATH, parts.queueUi === 'elsewhere' ? queuesAreElsewhere : parts.queueUi)
  application.use(createPages({ viewOf, planner, desk, now }))
  application.use(refuseUnknown)
  application.use(answerFailure(log))
  return application
}

/** Counts by pattern, so that no address that somebody made up becomes a time series. */
function countRequests(metrics: Metrics): RequestHandler {
  return (request, response, next) => {
    response.once('finish', () => {
      const route: unknown = request.route?.path
      const known = typeof route === 'string' ? request.baseUrl + route : 'other'
      metrics.requestFinished(known, request.method, response.statusCode)
    })
    next()
  }
}
