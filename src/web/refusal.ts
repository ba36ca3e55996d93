import type { Request, Response } from 'express'
import { htmlText } from './html.ts'
import { errorPage } from './pages/error-page.ts'
import { principalOf } from './view.ts'

/** What every refusal says: a literal code for programs, a sentence and what to do about it for people. */
export interface Refusal {
  readonly code: string
  readonly message: string
  readonly fix: string
  /** One line each, where there is more than one. */
  readonly reasons?: readonly string[]
}

/**
 * Answers a refusal: a page where a browser asks for a page, `{error: {code, message, fix}}` everywhere else, there together
 * with the fields of `context` (the ticket that was asked for, say).
 */
export function refuse(request: Request, response: Response, status: number, refusal: Refusal, context: object = {}): void {
  response.status(status)
  if (wantsPage(request)) response.type('html').send(htmlText(errorPage(status, refusal, principalOf(response))))
  else response.json({ error: refusal, ...context })
}

/** The one answer for whatever does not exist. */
export function refuseUnknown(request: Request, response: Response): void {
  refuse(request, response, 404, {
    code: 'not-found',
    message: 'There is nothing at this address.',
    fix: 'GET /api/applications lists every application; their names are those of the configuration.',
  })
}

/** The answer to an address that cannot be decoded. */
export function refuseMalformed(request: Request, response: Response): void {
  refuse(request, response, 400, {
    code: 'bad-request',
    message: 'The address of this request is malformed.',
    fix: 'Percent-encode it as UTF-8.',
  })
}

export function wantsPage(request: Request): boolean {
  return !/^\/(api|metrics|healthz|readyz)([/?]|$)/.test(request.originalUrl) && request.accepts(['json', 'html']) === 'html'
}
