import { Router, type Request } from 'express'
import type { Ledger } from '../../model/intake.ts'
import { statusOf } from '../api.ts'
import { ASSETS } from '../assets/asset-paths.ts'
import { htmlText } from '../html.ts'
import { refuseUnknown } from '../refusal.ts'
import { applicationPage } from './application-page.ts'
import { statusPage } from './status-page.ts'

const SHOWN_HISTORY = 30

/** The pages and the files they refer to. */
export function createPages(options: { ledger: Ledger; now: () => number }): Router {
  const { ledger, now } = options
  const router = Router()

  router.get('/', async (request, response) => {
    const filter = { state: textOf(request, 'state'), search: textOf(request, 'q').trim() }
    response.type('html').send(htmlText(statusPage(await ledger.statuses(), filter, now())))
  })

  router.get('/applications/:name', async (request, response) => {
    const status = await statusOf(ledger, request.params.name)
    if (!status) return refuseUnknown(request, response)
    const history = await ledger.history(status.application, SHOWN_HISTORY)
    response.type('html').send(htmlText(applicationPage(status, history, now())))
  })

  for (const { path, type, body } of ASSETS) {
    router.get(path, (_request, response) => {
      response.set('Cache-Control', 'private, max-age=31536000, immutable').type(type).send(body)
    })
  }
  return router
}

/** One value of the query; anything longer or stranger than a person would type is taken as nothing. */
function textOf(request: Request, name: string): string {
  const value = request.query[name]
  return typeof value === 'string' && value.length <= 200 ? value : ''
}
