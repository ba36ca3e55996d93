import { Router } from 'express'
import { refuse, refuseUnknown } from './refusal.ts'
import type { ViewOf } from './view.ts'

/** `GET /commits/:sha`: what has become of a commit, everywhere; a prefix of 7 digits does where only one commit begins with it. Mounted at `/api`. */
export function createCommits(viewOf: ViewOf): Router {
  const router = Router()
  router.get('/commits/:sha', async (request, response) => {
    const digits = request.params.sha.toLowerCase()
    if (!/^[0-9a-f]{7,64}$/.test(digits)) {
      const fix = 'Write the commit id, or at least its first 7 digits.'
      return refuse(request, response, 400, { code: 'bad-commit', message: 'This is not the id of a commit.', fix })
    }
    const { ledger } = viewOf(request)
    const found = await ledger.commits(digits)
    const [revision, ...others] = found
    if (revision === undefined) return refuseUnknown(request, response)
    if (others.length > 0) {
      const refusal = {
        code: 'ambiguous',
        message: `More than one commit begins with ${digits}.`,
        fix: 'Write more digits.',
        reasons: found,
      }
      return refuse(request, response, 422, refusal)
    }
    response.json(await ledger.commit(revision))
  })
  return router
}
