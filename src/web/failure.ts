import type { ErrorRequestHandler } from 'express'
import { GitwakeError } from '../model/error.ts'
import { refuse, refuseMalformed } from './refusal.ts'
import type { Log } from '../model/log.ts'

/** Turns whatever a route or the door threw into an answer: what may go right later (Redis away, say) is 503, a bad request is 400, anything else is our own fault and logged. */
export function answerFailure(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) return next(error)
    if (error instanceof GitwakeError && error.retryable) {
      log.debug({ err: error, path: request.path }, 'a request cannot be answered now')
      response.set('Retry-After', '5')
      return refuse(request, response, 503, { code: error.code, message: error.message, fix: error.fix })
    }
    if (isBadRequest(error)) {
      return refuseMalformed(request, response)
    }
    log.error({ err: error, method: request.method, path: request.path }, 'a request failed')
    refuse(request, response, 500, {
      code: 'internal',
      message: 'gitwake failed to answer this request.',
      fix: 'This is a bug in gitwake: please report it with the log lines around it.',
    })
  }
}

/** Express marks what the client did wrong (an undecodable path) with a status of its own. */
function isBadRequest(error: unknown): boolean {
  return error instanceof Error && 'status' in error && error.status === 400
}
