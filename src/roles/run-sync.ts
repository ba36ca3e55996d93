import { isDeepStrictEqual } from 'node:util'
import type { Log } from '../model/log.ts'
import type { Blocker, SyncResult, WaitsFor } from '../model/result.ts'
import type { HeadHistory } from '../queue/heads.ts'
import { reachable } from '../queue/connection.ts'
import { readLastKnown } from '../queue/last-known.ts'
import { publishRead } from '../queue/reads.ts'
import type { RunSync } from '../queue/run.ts'
import { readStanding, sayStanding } from '../queue/standing.ts'
import { publishStatus } from '../queue/status.ts'
import { sync } from '../sync/sync.ts'
import { createFindApplication } from './apply-sets.ts'
import { waitsFor, type Dependencies } from './dependencies.ts'
import { bringsNews } from './news.ts'
import { runDeparture } from './run-departure.ts'
import { countHeals, fightsBefore } from './fights.ts'
import { openReading } from './reading.ts'
import { proposePorts, resolveApplication, type SyncContext } from './sync-context.ts'

/** Joins one job of the queue with everything that its sync needs. */
export function createRunSync(options: SyncContext & { readonly dependencies: Dependencies }): RunSync {
  const { cluster, redis, dependencies, log } = options
  const findApplication = createFindApplication(options.configuration, options.inventoryNamespace)
  const some = (blockers: readonly Blocker[]): WaitsFor | undefined => (blockers.length === 0 ? undefined : waitsFor(blockers))
  return async (job, control) => {
    if (job.departure !== undefined) return await runDeparture(job, job.departure, control, options)
    const configured = resolveApplication(job.application, options)
    const { application, repository, destination, windows } = configured
    let found: string | undefined
    const heads: HeadHistory = {
      ...options.heads,
      admit: async (name, ref, revision, by) => {
        found = revision
        return await options.heads.admit(name, ref, revision, by)
      },
    }
    const [{ health }, said, fights] = await Promise.all([
      readLastKnown(redis, cluster, application.name),
      reachable(readStanding(redis, cluster, application.name)),
      fightsBefore(redis, cluster, job),
    ])
    const reading = openReading(options.renderer)
    log.info({ application: application.name, ticket: job.seen, reason: job.reason }, 'sync starts')
    const result = await options.destinations.use(destination, async (connected) =>
      sync(
        {
          job,
          application,
          repository,
          said,
          say: (standing) => sayStanding(redis, cluster, application.name, standing).catch(() => undefined),
          fights,
          windows,
          lastHealth: health,
          dependencies: {
            early: async () => some(await dependencies.early(application, job)),
            late: async (revision) => some(await dependencies.blockers(application, revision)),
          },
          signal: control.signal,
          superseded: () =>
            control.superseded((trigger) => bringsNews(trigger, { revision: found, isConfigured: isStillConfigured(configured, options) })),
          onApplied: async ({ revision, finishedAt }) => {
            if (revision === undefined) return
            await publishStatus(redis, cluster, application.name, {
              applied: { revision, at: finishedAt },
              health: 'in progress',
              unhealthy: [],
            }).catch(() => undefined)
          },
        },
        {
          ...proposePorts({ ...options, findApplication, renderer: reading.renderer }, application, connected),
          source: options.source,
          heads,
          now: Date.now,
        },
      ),
    )
    await publishRead(redis, cluster, application.name, reading.of(result, application)).catch((error: unknown) =>
      log.debug({ cluster, problem: String(error) }, 'what was read could not be published'),
    )
    await countHeals(redis, cluster, result).catch((error: unknown) =>
      log.debug({ cluster, problem: String(error) }, 'heals were not counted'),
    )
    return result
  }
}

/** Whether the configuration says of an application what it said when its sync began. */
function isStillConfigured(begun: ReturnType<typeof resolveApplication>, options: SyncContext): boolean {
  const { name } = begun.application
  return options.configuration().applications.has(name) && isDeepStrictEqual(resolveApplication(name, options), begun)
}

/** One line of log per result, also of a sync that could not even start. */
export function tellResult(log: Log, result: SyncResult): void {
  const { outcome, revision, message, problem, finishedAt, startedAt, timings, health } = result
  const fields = {
    application: result.application,
    ticket: result.seen,
    revision,
    outcome,
    health: health.status,
    durationMs: finishedAt - startedAt,
    timings,
    ...(problem && { code: problem.code, fix: problem.fix }),
  }
  if (outcome === 'failed' || outcome === 'held') log.warn(fields, message)
  else log.info(fields, message)
}
