import { type RequestHandler, Router } from 'express'

/** One thing that must hold before requests should come here. */
export interface ReadinessCheck {
  /** As it stands in the answer: `redis`, `configuration`, `worker prod`. */
  readonly name: string
  readonly ok: boolean
  /** One sentence; shown to everybody, so never with a secret or an internal address. */
  readonly message: string
}

/** Asks everything that readiness depends on. A check that rejects or takes longer than 3 s counts as failed. */
export type Readiness = () => Promise<readonly ReadinessCheck[]>

const LONGEST_CHECK_MS = 3_000

/**
 * `/healthz`: the process answers, so its event loop turns. `/readyz`: whether requests should come here, with each check.
 * Both are open to everybody, because kubelets and load balancers have no token.
 */
export function createHealth(readiness: Readiness): Router {
  const router = Router()
  const alive: RequestHandler = (_request, response) => {
    response.json({ status: 'alive', uptimeSeconds: Math.round(process.uptime()) })
  }
  router.get('/healthz', alive)
  router.get('/readyz', async (_request, response) => {
    const checks = await inTime(readiness)
    const ready = checks.every(({ ok }) => ok)
    response.status(ready ? 200 : 503).json({ ready, checks })
  })
  return router
}

async function inTime(readiness: Readiness): Promise<readonly ReadinessCheck[]> {
  const { promise, resolve } = Promise.withResolvers<readonly ReadinessCheck[]>()
  const failed = (message: string) => resolve([{ name: 'readiness', ok: false, message }])
  const timer = setTimeout(() => failed('The checks took too long.'), LONGEST_CHECK_MS)
  readiness().then(resolve, () => failed('The checks could not be made.'))
  try {
    return await promise
  } finally {
    clearTimeout(timer)
  }
}
