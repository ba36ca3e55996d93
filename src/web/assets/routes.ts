import { Router } from 'express'
import { ASSETS } from './asset-paths.ts'

/** The files that pages refer to: open to everybody, because the login page needs them, and the same in every installation. */
export function createAssets(): Router {
  const router = Router()
  for (const { path, type, body } of ASSETS) {
    router.get(path, (_request, response) => {
      response.set('Cache-Control', 'private, max-age=31536000, immutable').type(type).send(body)
    })
  }
  return router
}
