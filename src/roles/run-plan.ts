import type { Redis } from '../model/redis.ts'
import { GitwakeError } from '../model/error.ts'
import { decodeSubject, displaySubject } from '../model/plan-report.ts'
import { keepPlan } from '../queue/plans.ts'
import { planOnly } from '../sync/plan-only.ts'
import { createFindApplication } from './apply-sets.ts'
import { proposePorts, resolveApplication, type SyncContext } from './sync-context.ts'

/** Joins one plan job with everything that it needs, and keeps what comes out. It takes no Lease and answers no ticket. */
export function createRunPlan(
  options: SyncContext & { readonly redis: Redis },
): (application: string, subject: string, signal: AbortSignal) => Promise<void> {
  const findApplication = createFindApplication(options.configuration, options.inventoryNamespace)
  return async (name, text, signal) => {
    // Whoever can write jobs must not reach more than whoever may ask.
    const subject = decodeSubject(Object.fromEntries(new URLSearchParams(text)))
    if (typeof subject === 'string') throw new GitwakeError('bad-plan', subject, { fix: 'Ask for it through the API.' })
    const { application, repository, destination } = resolveApplication(name, options)
    const { redis, cluster, heads, source, log, destinations } = options
    const report = await keepPlan(redis, { cluster, application: name, subject }, () =>
      destinations.use(destination, async (connected) =>
        planOnly(
          { application, repository, subject, signal },
          { ...proposePorts({ ...options, findApplication }, application, connected), source, heads, now: Date.now },
        ),
      ),
    )
    const { revision, outcome, message, problem, timings } = report
    log.info(
      { application: name, of: displaySubject(subject), revision, outcome, timings, ...(problem && { code: problem.code }) },
      `planned: ${message}`,
    )
  }
}
