import express, { type Express, type RequestHandler } from 'express'
import type { CurrentConfiguration } from '../model/configuration.ts'
import type { Ledger } from '../model/intake.ts'
import type { Log } from '../model/log.ts'
import type { Logins } from '../model/login.ts'
import { createAccess } from './access.ts'
import { createAssets } from './assets/routes.ts'
import { answerFailure } from './failure.ts'
import type { AddressOf, FailureLimit } from './failure-limit.ts'
import { createLoginRoutes } from './login.ts'
import { QUEUES_PATH } from './queue-ui.ts'
import { refuse, refuseUnknown } from './refusal.ts'
import { securityHeaders } from './security-headers.ts'
import type { TokenBook } from './tokens.ts'
import type { Witness } from './witness.ts'

/** What the queue UI is made of, where it has a listener of its own. */
export interface QueueParts {
  readonly tokens: TokenBook
  readonly logins: Logins
  readonly witness: Witness
  readonly failures: FailureLimit
  readonly addressOf: AddressOf
  readonly configuration: CurrentConfiguration
  readonly ledger: Ledger
  readonly queueUi: RequestHandler
  readonly log: Log
  readonly now: () => number
}

/** The queue UI and nothing else, behind the same door as on the main listener. */
export function createQueueApplication(parts: QueueParts): Express {
  const application = express()
  application.disable('x-powered-by').disable('etag').set('query parser', 'simple')
  application.use(securityHeaders)
  // People log in under the address that their provider knows; the session counts here, too, where the host is the same.
  application.use(createAssets())
  application.use(createLoginRoutes(parts))
  application.use(createAccess(parts).guard)
  application.get('/', (_request, response) => response.redirect(`${QUEUES_PATH}/`))
  application.use(QUEUES_PATH, parts.queueUi)
  application.use(refuseUnknown)
  application.use(answerFailure(parts.log))
  return application
}

/** What the main listener says of the queues where they are elsewhere. */
export const queuesAreElsewhere: RequestHandler = (request, response) => {
  refuse(request, response, 404, {
    code: 'queues-elsewhere',
    message: 'The queues are shown on a listener of their own.',
    fix: 'Open the address that GITWAKE_QUEUES_HOST and GITWAKE_QUEUES_PORT give; /api/applications/:name tells where a sync stands in line.',
  })
}
