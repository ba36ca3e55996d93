import type { Redis } from '../model/redis.ts'
import type { Application, Cluster, CurrentConfiguration, Repository } from '../model/configuration.ts'
import { sha256 } from '../model/digest.ts'
import { problemOf } from '../model/error.ts'
import type { Intake, Target } from '../model/intake.ts'
import type { AuditSpan } from '../model/job.ts'
import type { Log } from '../model/log.ts'
import { applySetId } from '../model/names.ts'
import type { ObjectId } from '../model/object.ts'
import type { HeadHistory } from '../queue/heads.ts'
import {
  changedSince,
  claimDrift,
  forgetOthers,
  nextAuditSpan,
  readHealths,
  readLastKnown,
  readShownDrift,
  remember,
  restoreApplied,
} from '../queue/last-known.ts'
import { notePoll } from '../queue/poll-fails.ts'
import { sayStanding } from '../queue/standing.ts'
import { healthPieces, isSameHealth, publishStatus } from '../queue/status.ts'
import type { Destination, Renderer, Source } from '../sync/ports.ts'
import type { Deviation } from '../sync/deviation.ts'
import { sweep, type Swept } from '../sync/sweep.ts'
import { createFindApplication } from './apply-sets.ts'
import type { Destinations } from './destinations.ts'
import { CONFIGURATION } from './news.ts'
import { createOrphanWatch } from './orphans.ts'
import { createDriftWatch, type DriftWatch } from './drift-watch.ts'
import { prove } from './prove.ts'

export interface LookAroundOptions {
  readonly cluster: string
  readonly configuration: CurrentConfiguration
  readonly redis: Redis
  readonly intake: Intake
  readonly heads: HeadHistory
  readonly source: Source
  readonly renderer: Pick<Renderer, 'inputs'>
  readonly destinations: Destinations
  /** Names this installation: what others wrote is none of ours. */
  readonly installation: string
  readonly inventoryNamespace: string
  /** Asks the workers of the cluster for a sweep, now. */
  readonly askForSweep: () => Promise<void>
  /** The health of an application has changed. */
  readonly onHealth?: (application: string) => void
  readonly log: Log
}

/** What a worker does of its own accord: look for moved heads, for drift, and for applications that are configured anew. */
export interface LookAround {
  poll(repository: string, signal: AbortSignal): Promise<void>
  sweep(signal: AbortSignal): Promise<void>
  /** Asks for a sync of every application whose configuration is not the one that was last seen, and for a sweep where one has left it. */
  noticeConfiguration(): Promise<void>
  readonly watch: Pick<DriftWatch, 'close' | 'include' | 'isLive'>
}

export function createLookAround(options: LookAroundOptions): LookAround {
  const { cluster, configuration, redis, intake, heads, log } = options
  /** Deviations that a sync was already asked for: the same state is not told twice; a failed repair has its own retries. */
  const told = new Map<string, string>()
  /** Reported drift whose end was seen, and a sync asked for to confirm it. */
  const endSeen = new Map<string, string>()

  const findApplication = createFindApplication(configuration, options.inventoryNamespace)
  const own = (): Application[] => [...configuration().applications.values()].filter(({ destination }) => destination.cluster === cluster)

  const orphans = createOrphanWatch({ ...options, elapsed: () => performance.now(), now: Date.now })

  const driftWatch = createDriftWatch({
    cluster,
    inventoryNamespace: options.inventoryNamespace,
    log,
    applicationOf: (applySet) => {
      const found = findApplication(applySet)
      return found?.destination.cluster === cluster ? found.name : undefined
    },
    suspectEveryMs: () => configuration().clusters.get(cluster)?.sweepIntervalMs ?? 60_000,
    onDrift: askForHealing,
    onHealth: lookAtHealth,
    onGap: options.askForSweep,
  })

  /** Several workers watch the same cluster: the first one asks. */
  async function askForHealing(name: string, deviations: readonly Deviation[]): Promise<void> {
    const application = configuration().applications.get(name)
    if (application === undefined || !(await claimDrift(redis, cluster, name, JSON.stringify(deviations)))) return
    log.info(
      { application: name, objects: deviations.length, first: deviations[0]?.object, how: deviations[0]?.reason },
      'drift seen at once',
    )
    await intake.acceptTrigger(targetOf(application), { reason: 'drift', at: Date.now() })
  }

  async function lookAtHealth(name: string, destination: Destination): Promise<void> {
    const signal = AbortSignal.timeout(30_000)
    const stored = await destination.readInventory(name, signal)
    if (stored === undefined) return
    const objects = [...stored.inventory.entries.values()].map(({ object }) => object)
    await publishHealth(name, objects, destination, signal)
  }

  async function publishHealth(name: string, objects: readonly ObjectId[], destination: Destination, signal: AbortSignal): Promise<void> {
    const applySet = applySetId(name, options.inventoryNamespace)
    const report = await destination.health(objects, applySet, { timeoutMs: 0, signal, superseded: () => Promise.resolve(false) })
    const known = await readLastKnown(redis, cluster, name)
    const pieces = healthPieces(report.status, report.objects)
    if (report.status === known.health && isSameHealth(known.unhealthy, pieces.unhealthy)) return
    await publishStatus(redis, cluster, name, pieces)
    if (report.status !== known.health) options.onHealth?.(name)
  }

  async function poll(name: string, signal: AbortSignal): Promise<void> {
    const repository = configuration().repositories.get(name)
    const followers = own().filter(({ source }) => source.repository === name)
    if (repository === undefined || followers.length === 0) return
    const refs = [...new Set(followers.map(({ source }) => source.ref))]
    const found = await headsOf(repository, refs, followers, signal)
    for (const ref of refs) {
      const head = found.get(ref)
      if (head === undefined) continue
      const following = followers.filter(({ source }) => source.ref === ref)
      const unaware = await heads.unaware(
        head,
        following.map((application) => application.name),
      )
      if (unaware.size === 0) continue
      const unmet = following.filter((application) => unaware.has(application.name))
      const { proven, open } = await prove(options, { repository, ref, head }, unmet, signal)
      if (proven.length > 0) await heads.told(head, proven)
      const behind = unmet.filter((application) => !proven.includes(application.name) && !open.includes(application.name))
      if (behind.length === 0) continue
      log.info({ applications: behind.map((application) => application.name), revision: head }, 'the head moved (seen by a poll)')
      // Together: who depends on another of them must find it asked for.
      await intake.acceptTriggers(behind.map(targetOf), { reason: 'poll', at: Date.now(), revision: head })
      await heads.told(
        head,
        behind.map((application) => application.name),
      )
    }
  }

  /** A repository that cannot be reached is seen in the status of whoever follows it: what they carry may be old, however well it is. */
  async function headsOf(
    repository: Repository,
    refs: readonly string[],
    followers: readonly Application[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string>> {
    const names = followers.map(({ name }) => name)
    try {
      const found = await options.source.heads(repository, refs, signal)
      await notePoll(redis, cluster, names, { now: Date.now() })
      return found
    } catch (error) {
      if (!signal.aborted) await notePoll(redis, cluster, names, { problem: problemOf(error), now: Date.now() })
      throw error
    }
  }

  async function sweepCluster(signal: AbortSignal): Promise<void> {
    const configured = configuration().clusters.get(cluster)
    if (configured === undefined) return
    await options.destinations.use(configured, async (destination) => sweepDestination(configured, destination, signal))
  }

  async function sweepDestination(configured: Cluster, destination: Destination, signal: AbortSignal): Promise<void> {
    const audit = { ...(await nextAuditSpan(redis, cluster)), intervalMs: configured.auditIntervalMs }
    const { applications, unlistable, problems, kinds } = await sweep(destination, options, audit, signal)
    if (configured.watch) driftWatch.follow(destination, kinds)
    else driftWatch.close()
    for (const problem of problems) log.error({ cluster }, problem.message)
    for (const [kind, { reason }] of unlistable)
      log.warn({ cluster, kind }, `a kind cannot be listed, so its objects are unknown: ${reason}`)
    await restore(applications)
    const shown = await readShownDrift(
      redis,
      cluster,
      applications.map(({ inventory }) => inventory.application),
    )
    await orphans.look(applications.map(({ inventory }) => inventory))
    for (const swept of applications) await take(swept, audit, shown.get(swept.inventory.application))
    await judgeHealth(applications, destination, signal)
  }

  /** What the inventories say is applied, and keep of what was said, is told again, where nothing newer was. */
  async function restore(applications: readonly Swept[]): Promise<void> {
    const here = applications.flatMap(({ inventory }) =>
      configuration().applications.get(inventory.application)?.destination.cluster === cluster ? [inventory] : [],
    )
    const applied = here.flatMap(({ application, revision, appliedAt }) =>
      revision === undefined ? [] : [[application, { revision, at: Date.parse(appliedAt ?? '') || Date.now() }] as const],
    )
    await Promise.all([
      restoreApplied(redis, cluster, new Map(applied)),
      ...here.map(({ application, standing = {} }) => sayStanding(redis, cluster, application, standing)),
    ])
  }

  /** `shown`: the drift that the status shows, unrepaired. */
  async function take({ inventory, deviations, audited }: Swept, audit: AuditSpan, shown: string | undefined): Promise<void> {
    const name = inventory.application
    const application = configuration().applications.get(name)
    if (application?.destination.cluster !== cluster) return
    const state = deviations.map(({ object, reason, state: seen }) => `${JSON.stringify(object)} ${reason} ${seen}`).join('\n')
    const isNews = state !== '' && told.get(name) !== state
    if (state === '') told.delete(name)
    if (isNews) {
      log.info({ application: name, objects: deviations.length, first: deviations[0]?.object, how: deviations[0]?.reason }, 'drift seen')
      await intake.acceptTrigger(targetOf(application), { reason: 'drift', at: Date.now(), ...(audited > 0 && { audit }) })
      told.set(name, state)
    } else if (state === '' && shown !== undefined && endSeen.get(name) !== shown) {
      // What was reported has gone from the metadata: a sync that dry-runs everything tells whether it has really ended.
      await intake.acceptTrigger(targetOf(application), { reason: 'drift', at: Date.now(), audit: { from: 0, to: 2, intervalMs: 1 } })
      endSeen.set(name, shown)
    } else if (audited > 0) {
      await intake.acceptTrigger(targetOf(application), { reason: 'drift', at: Date.now(), audit })
    }
  }

  /** Looks at the health of applications in which something with health has moved since it was last judged. */
  async function judgeHealth(applications: readonly Swept[], destination: Destination, signal: AbortSignal): Promise<void> {
    const known = applications.filter(({ inventory }) => configuration().applications.has(inventory.application))
    const states = new Map(known.map(({ inventory, healthState }) => [inventory.application, healthState]))
    const moved = new Set(await changedSince(redis, cluster, 'health', states))
    const healths = await readHealths(redis, cluster, [...states.keys()])
    for (const { inventory, present } of known) {
      const name = inventory.application
      if (moved.has(name) || healths.get(name) !== 'current') await publishHealth(name, present, destination, signal)
    }
    await remember(redis, cluster, 'health', new Map([...states].filter(([name]) => moved.has(name))))
  }

  async function noticeConfiguration(): Promise<void> {
    const { repositories, clusters } = configuration()
    const windows = clusters.get(cluster)?.windows
    const digests = new Map(
      own().map((application) => [
        application.name,
        sha256(JSON.stringify([application, repositories.get(application.source.repository)?.url, ...(windows ?? [])])),
      ]),
    )
    const changed = await changedSince(redis, cluster, 'configuration', digests)
    const targets = own()
      .filter(({ name }) => changed.includes(name))
      .map(targetOf)
    if (targets.length > 0) await intake.acceptTriggers(targets, { reason: 'poll', at: Date.now(), actor: CONFIGURATION })
    await remember(redis, cluster, 'configuration', new Map([...digests].filter(([name]) => changed.includes(name))))
    const gone = await forgetOthers(redis, cluster, 'configuration', new Set(digests.keys()))
    // What has left is told, and can be detached or deleted, from the next sweep on: not in ten minutes.
    if (gone.length > 0) await options.askForSweep()
  }

  return { poll, sweep: sweepCluster, noticeConfiguration, watch: driftWatch }
}

function targetOf({ name, source, destination }: Application): Target {
  return { application: name, cluster: destination.cluster, repository: source.repository }
}
