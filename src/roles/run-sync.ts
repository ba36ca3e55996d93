import { isDeepStrictEqual } from 'node:util'
import type { Redis } from '../model/redis.ts'
import type { Application, CurrentConfiguration } from '../model/configuration.ts'
import { GitwakeError } from '../model/error.ts'
import type { Log } from '../model/log.ts'
import { applySetId } from '../model/names.ts'
import type { Blocker, SyncResult, WaitsFor } from '../model/result.ts'
import { windowsFor } from '../plan/windows.ts'
import type { HeadHistory } from '../queue/heads.ts'
import { reachable } from '../queue/connection.ts'
import { readLastKnown } from '../queue/last-known.ts'
import { publishRead } from '../queue/reads.ts'
import type { RunSync } from '../queue/run.ts'
import { readStanding, sayStanding } from '../queue/standing.ts'
import { publishStatus } from '../queue/status.ts'
import type { Destination, Renderer, Source } from '../sync/ports.ts'
import type { ProposePorts } from '../sync/propose.ts'
import { sync } from '../sync/sync.ts'
import { waitsFor, type Dependencies } from './dependencies.ts'
import type { Destinations } from './destinations.ts'
import { bringsNews } from './news.ts'
import { runDeparture } from './run-departure.ts'
import { countHeals, fightsBefore } from './fights.ts'
import { openReading } from './reading.ts'

export interface RunSyncOptions {
  readonly cluster: string
  readonly configuration: CurrentConfiguration
  readonly redis: Redis
  readonly heads: HeadHistory
  readonly source: Source
  readonly renderer: Renderer
  readonly destinations: Destinations
  readonly installation: string
  readonly inventoryNamespace: string
  readonly log: Log
}

/** Joins one job of the queue with everything that its sync needs. */
export function createRunSync(options: RunSyncOptions & { readonly dependencies: Dependencies }): RunSync {
  const { cluster, redis, dependencies, log } = options
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
          ...proposePorts({ ...options, renderer: reading.renderer }, application, connected),
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

/** What a sync and a plan need of this worker. */
export function proposePorts(
  {
    configuration,
    renderer,
    installation,
    inventoryNamespace,
  }: Pick<RunSyncOptions, 'configuration' | 'installation' | 'inventoryNamespace' | 'renderer'>,
  application: Application,
  destination: Destination,
): ProposePorts {
  return {
    renderer,
    destination: actingFor(application, destination),
    install: installation,
    inventoryNamespace,
    applicationOf: (applySet) => [...configuration().applications.keys()].find((name) => applySetId(name, inventoryNamespace) === applySet),
  }
}

/** The application as configured now, with its repository and its cluster. */
export function resolveApplication(name: string, { configuration }: RunSyncOptions) {
  const { applications, repositories, clusters } = configuration()
  const application = applications.get(name)
  const repository = repositories.get(application?.source.repository ?? '')
  const destination = clusters.get(application?.destination.cluster ?? '')
  if (application === undefined || repository === undefined || destination === undefined) {
    throw new GitwakeError('unknown-application', `the configuration has no application ${name} any more`, {
      fix: 'Nothing to do, if it was removed on purpose.',
    })
  }
  return { application, repository, destination, windows: windowsFor(application, destination) }
}

/** Whether the configuration says of an application what it said when its sync began. */
function isStillConfigured(begun: ReturnType<typeof resolveApplication>, options: RunSyncOptions): boolean {
  const { name } = begun.application
  return options.configuration().applications.has(name) && isDeepStrictEqual(resolveApplication(name, options), begun)
}

/** The destination as an application may write to it. */
function actingFor({ destination: { namespace, serviceAccount } }: Application, destination: Destination): Destination {
  return serviceAccount === undefined ? destination : destination.as({ namespace, name: serviceAccount })
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
