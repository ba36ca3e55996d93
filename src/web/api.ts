import { Router } from 'express'
import type { Ledger } from '../model/intake.ts'
import { refuse, refuseUnknown } from './refusal.ts'
import type { ViewOf } from './view.ts'

const LONGEST_HISTORY = 500
const DELIVERY_ID = /^[\w.:=+@-]{1,200}$/

/** The queries: applications, their history, and what became of a delivery. Mounted at `/api`. */
export function createApi(viewOf: ViewOf): Router {
  const router = Router()

  router.get('/applications', async (request, response) => {
    response.json({ applications: await viewOf(request).ledger.statuses() })
  })

  router.get('/applications/:name', async (request, response) => {
    const status = await statusOf(viewOf(request).ledger, request.params.name)
    if (status) response.json(status)
    else refuseUnknown(request, response)
  })

  router.get('/applications/:name/history', async (request, response) => {
    const limit = limitOf(request.query.limit)
    if (limit === undefined) {
      return refuse(request, response, 400, {
        code: 'bad-limit',
        message: 'limit is not a number of results.',
        fix: `Give a whole number from 1 to ${LONGEST_HISTORY}.`,
      })
    }
    const { ledger } = viewOf(request)
    const status = await statusOf(ledger, request.params.name)
    if (!status) return refuseUnknown(request, response)
    response.json({ application: status.application, results: await ledger.history(status.application, limit) })
  })

  router.get('/deliveries/:id', async (request, response) => {
    const { id } = request.params
    const delivery = DELIVERY_ID.test(id) ? await viewOf(request).ledger.delivery(id) : undefined
    if (delivery) response.json(delivery)
    else refuseUnknown(request, response)
  })

  // Most processes are never asked for it: it is made when somebody does.
  let document: Promise<object> | undefined
  router.get('/openapi.json', async (_request, response) => {
    document ??= import('./openapi/document.ts').then(({ openApiDocument }) => openApiDocument())
    response.json(await document)
  })

  return router
}

/** The status of an application; a name that no configuration could contain is not even asked for. */
export async function statusOf(ledger: Ledger, name: string) {
  return isApplicationName(name) ? ledger.status(name) : undefined
}

export function isApplicationName(name: string): boolean {
  return /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(name)
}

function limitOf(value: unknown): number | undefined {
  if (value === undefined) return 20
  if (typeof value !== 'string' || !/^[1-9]\d{0,2}$/.test(value)) return undefined
  return Math.min(Number(value), LONGEST_HISTORY)
}
