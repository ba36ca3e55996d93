import type { Redis } from '../model/redis.ts'
import type { Application, CurrentConfiguration } from '../model/configuration.ts'
import type { Target } from '../model/intake.ts'
import type { SyncJob } from '../model/job.ts'
import type { Log } from '../model/log.ts'
import type { Blocker, SyncResult, WaitsFor } from '../model/result.ts'
import { judgeDependency, type DependencyFacts } from '../plan/dependencies.ts'
import type { QueueIntake } from '../queue/accept.ts'
import { readDependencyFacts, readWaiting } from '../queue/dependency-facts.ts'
import { wakeWaiting } from '../queue/ensure.ts'
import { publishStatus } from '../queue/status.ts'

export interface DependencyOptions {
  readonly configuration: CurrentConfiguration
  /** A connection that fails fast. */
  readonly redis: Redis
  readonly intake: QueueIntake
  readonly log: Log
}

/** Who waits for whom. Nobody polls: whoever ends looks for those that wait for it, and only they are woken. */
export interface Dependencies {
  /** Those that are being taken care of right now, before anything of this commit is fetched. */
  early(application: Application, job: SyncJob): Promise<readonly Blocker[]>
  /**
   * What keeps an application from this commit. A dependency on the same branch that has not heard of it is asked for it.
   * `revision` is undefined where the application is kept at another commit than its branch's.
   */
  blockers(application: Application, revision: string | undefined): Promise<readonly Blocker[]>
  /** A sync has ended, and that was recorded: those that wait for its application go on or are told why not. Never throws. */
  ended(result: SyncResult): void
  /** The health of an application has changed. Never throws. */
  changed(application: string): void
  /** Looks again at all applications of a cluster that wait: the net below events that were lost with their process. */
  lookAgain(cluster: string): void
  /** Resolves once all that was begun has ended, with whether somebody was woken since the last time. */
  settled(): Promise<boolean>
}

export function createDependencies({ configuration, redis, intake, log }: DependencyOptions): Dependencies {
  const looks = new Set<Promise<void>>()
  let hasWoken = false

  const all = (): readonly Application[] => [...configuration().applications.values()]

  /** Each dependency is asked for once, by however many who wait for it. */
  function createReader(): (name: string) => Promise<DependencyFacts | string> {
    const read = new Map<string, Promise<DependencyFacts | string>>()
    return (name) => {
      const cluster = configuration().applications.get(name)?.destination.cluster
      if (cluster === undefined) return Promise.resolve('is not configured')
      const known =
        read.get(name) ?? readDependencyFacts(redis, cluster, name).catch((error: unknown) => `cannot be looked at: ${String(error)}`)
      read.set(name, known)
      return known
    }
  }

  async function ask(name: string, revision: string, actor: string): Promise<Blocker> {
    const dependency = configuration().applications.get(name)
    if (dependency === undefined) return { application: name, why: 'is not configured' }
    try {
      const { wanted } = await intake.acceptTrigger(targetOf(dependency), { reason: 'dependency', at: Date.now(), actor, revision })
      return {
        application: name,
        why: `has not heard of ${revision.slice(0, 12)} yet, and was asked for it`,
        asked: { revision, ticket: wanted },
      }
    } catch (error) {
      // Its own poll or webhook will tell it.
      log.debug({ application: name, problem: String(error) }, 'could not ask a dependency for a commit')
      return { application: name, why: `has not heard of ${revision.slice(0, 12)} yet`, asked: { revision } }
    }
  }

  /** What still keeps one that waits; none where it may go on. */
  async function stillBlocked(
    application: Application,
    waiting: WaitsFor,
    read: ReturnType<typeof createReader>,
  ): Promise<readonly Blocker[]> {
    const found = await Promise.all(
      application.dependsOn.map(async (name): Promise<Blocker[]> => {
        const { asked, why = '' } = waiting.blockedBy?.find((blocker) => blocker.application === name) ?? {}
        const facts = await read(name)
        const verdict =
          typeof facts === 'string' ? { why: facts } : judgeDependency(facts, asked?.revision, hasAnswered(facts, asked, asked?.revision))
        if (verdict === 'ready') return []
        return [{ application: name, why: verdict === 'unheard' ? why : verdict.why, ...(asked && { asked }) }]
      }),
    )
    return found.flat()
  }

  /** Whether this one may be woken. */
  async function mayGoOn(application: Application, read: ReturnType<typeof createReader>): Promise<boolean> {
    const { name, destination } = application
    const waiting = await readWaiting(redis, destination.cluster, name)
    if (waiting?.for !== 'dependencies') return false
    const blockers = await stillBlocked(application, waiting, read)
    if (blockers.length === 0) return true
    const next = waitsFor(blockers)
    if (next.why !== waiting.why) await publishStatus(redis, destination.cluster, name, { waiting: next })
    return false
  }

  async function wakeOf(applications: readonly Application[]): Promise<void> {
    const read = createReader()
    const looked = await Promise.all(applications.map(async (one) => ((await mayGoOn(one, read)) ? [one] : [])))
    const byCluster = Map.groupBy(looked.flat(), ({ destination }) => destination.cluster)
    for (const [cluster, free] of byCluster) {
      const woken = await wakeWaiting(
        redis,
        intake.jobs(cluster),
        free.map(({ name }) => name),
      )
      if (woken.length > 0) hasWoken = true
    }
  }

  function look(applications: readonly Application[]): void {
    if (applications.length === 0) return
    const one = wakeOf(applications)
      // The next look comes anyway.
      .catch((error: unknown) => log.debug({ problem: String(error) }, 'could not look at those that wait for a dependency'))
      .finally(() => looks.delete(one))
    looks.add(one)
  }

  const dependents = (name: string): readonly Application[] => all().filter(({ dependsOn }) => dependsOn.includes(name))

  return {
    async early({ dependsOn }, { reason }) {
      // A sync that only repairs may find that it has nothing new to apply.
      if (dependsOn.length === 0 || reason === 'drift') return []
      const read = createReader()
      const found = await Promise.all(
        dependsOn.map(async (name): Promise<Blocker[]> => {
          const facts = await read(name)
          const verdict = typeof facts === 'string' ? 'ready' : judgeDependency(facts, undefined, false)
          return typeof verdict === 'object' && verdict.isTransient ? [{ application: name, why: verdict.why }] : []
        }),
      )
      return found.flat()
    },

    async blockers({ name: own, source, destination, dependsOn }, revision) {
      if (dependsOn.length === 0) return []
      const read = createReader()
      const { applications } = configuration()
      const before = await readWaiting(redis, destination.cluster, own).catch(() => undefined)
      const found = await Promise.all(
        dependsOn.map(async (name): Promise<Blocker[]> => {
          const facts = await read(name)
          if (typeof facts === 'string') return [{ application: name, why: facts }]
          const other = applications.get(name)?.source
          const isShared = other?.repository === source.repository && other.ref === source.ref
          const asked = before?.blockedBy?.find((blocker) => blocker.application === name)?.asked
          const verdict = judgeDependency(facts, isShared ? revision : undefined, hasAnswered(facts, asked, revision))
          if (verdict === 'unheard') return revision === undefined ? [] : [await ask(name, revision, own)]
          // It is still on its way to what it was asked for.
          return verdict === 'ready'
            ? []
            : [{ application: name, why: verdict.why, ...(asked !== undefined && asked.revision === revision && { asked }) }]
        }),
      )
      return found.flat()
    },

    ended({ application, cluster, waiting, outcome }) {
      const own = configuration().applications.get(application)
      // What it waits for may have come between its look and its end.
      const again = own?.destination.cluster === cluster && waiting?.for === 'dependencies' ? [own] : []
      look([...again, ...(outcome === 'superseded' ? [] : dependents(application))])
    },
    changed: (application) => look(dependents(application)),
    lookAgain: (cluster) => look(all().filter(({ dependsOn, destination }) => dependsOn.length > 0 && destination.cluster === cluster)),
    async settled() {
      while (looks.size > 0) await Promise.all(looks)
      const woke = hasWoken
      hasWoken = false
      return woke
    },
  }
}

/** Whether a dependency was asked for this commit, and has looked at its branch since. */
function hasAnswered({ done }: DependencyFacts, asked: Blocker['asked'], revision: string | undefined): boolean {
  return asked?.ticket !== undefined && asked.revision === revision && done >= asked.ticket
}

/** What a sync waits for that cannot go on because of these. */
export function waitsFor(blockers: readonly Blocker[]): WaitsFor {
  return { for: 'dependencies', why: blockers.map(({ application, why }) => `${application} ${why}`).join('; '), blockedBy: blockers }
}

function targetOf({ name, source, destination }: Application): Target {
  return { application: name, cluster: destination.cluster, repository: source.repository }
}
