import { type RequestHandler, Router } from 'express'
import { type Checks, inTime } from './checks.ts'

/**
 * `/healthz`: the process answers, so its event loop turns. `/readyz`: whether requests should come here, with each check.
 * Both are open to everybody, because kubelets and load balancers have no token.
 */
export function createHealth(readiness: Checks): Router {
  const router = Router()
  const alive: RequestHandler = (_request, response) => {
    response.json({ status: 'alive', uptimeSeconds: Math.round(process.uptime()) })
  }
  router.get('/healthz', alive)
  router.get('/readyz', async (_request, response) => {
    const answer = await inTime(readiness)
    response.status(answer.ready ? 200 : 503).json(answer)
  })
  return router
}
