import { Router } from 'express'
import type { ViewOf } from './view.ts'

/** `GET /me`: whose request this is, and what they may do. Mounted at `/api`. */
export function createMe(viewOf: ViewOf): Router {
  const router = Router()
  router.get('/me', (request, response) => {
    const { name, shared, session, grants } = viewOf(request).principal
    response.json({ name, shared, ...(session && { session }), grants })
  })
  return router
}
