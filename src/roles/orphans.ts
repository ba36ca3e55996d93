import type { Redis } from '../model/redis.ts'
import type { Configuration, CurrentConfiguration } from '../model/configuration.ts'
import type { Orphan } from '../model/departure.ts'
import { heirOf } from '../model/heir.ts'
import type { Intake } from '../model/intake.ts'
import type { Inventory } from '../model/inventory.ts'
import type { Log } from '../model/log.ts'
import { rememberOrphans } from '../queue/orphans.ts'

/** An application that is missing for less may be missing only from a folder that is half written. */
const SURE_AFTER_MS = 60_000
/** What was written a moment ago is configured somewhere: a worker with an older configuration must not take it for gone. */
const QUIET_FOR_MS = 300_000
/** What was held or failed for good is tried again only when somebody asks, or this late. */
const ASK_AGAIN_MS = 3_600_000

export interface OrphanOptions {
  readonly cluster: string
  readonly configuration: CurrentConfiguration
  readonly redis: Redis
  readonly intake: Intake
  readonly installation: string
  readonly log: Log
  /** Monotonic, in milliseconds. */
  readonly elapsed: () => number
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Looks after inventories whose applications have left the configuration: told once, shown, and deleted where their configuration said so. */
export interface OrphanWatch {
  /** With all inventories that a sweep found. */
  look(inventories: readonly Inventory[]): Promise<void>
}

export function createOrphanWatch(options: OrphanOptions): OrphanWatch {
  const { cluster, configuration, redis, intake, installation, log, elapsed, now } = options
  /** When this process first found it so: what Redis remembers may be of an earlier time. */
  const missingSince = new Map<string, number>()
  const askedAt = new Map<string, number>()

  function tell({ application, objects, deletionPolicy }: Orphan): void {
    if (missingSince.has(application)) return
    const fix =
      deletionPolicy === 'prune'
        ? 'it is deleted within minutes, because its deletionPolicy says so: configure it again to keep it'
        : `configure it again to go on, or let go of it: gitwake detach ${application} leaves the objects, gitwake delete ${application} deletes them`
    log.warn(
      { cluster, application, objects },
      `orphaned: its objects stay, but the configuration has no such application here any more; ${fix}`,
    )
  }

  async function deleteWhereWanted({ application, deletionPolicy }: Orphan, { appliedAt = '' }: Inventory): Promise<void> {
    const at = elapsed()
    const since = missingSince.get(application)
    if (since === undefined) missingSince.set(application, at)
    if (deletionPolicy !== 'prune' || since === undefined || at - since < SURE_AFTER_MS) return
    if (!isSurelyGone(application, configuration()) || now() - (Date.parse(appliedAt) || 0) < QUIET_FOR_MS) return
    const asked = askedAt.get(application)
    if (asked !== undefined && at - asked < ASK_AGAIN_MS) return
    askedAt.set(application, at)
    const target = { application, cluster, repository: '' }
    const actor = 'the configuration (deletionPolicy: prune)'
    await intake.depart(target, 'delete', actor)
    await intake.acceptTrigger(target, { reason: 'manual', at: now(), actor })
  }

  return {
    async look(inventories) {
      const found = inventories.flatMap((inventory) => {
        const orphan = orphanOf(inventory, { cluster, installation, configuration: configuration(), now: now() })
        return orphan === undefined ? [] : [{ orphan, inventory }]
      })
      const names = new Set(found.map(({ orphan }) => orphan.application))
      for (const name of missingSince.keys()) {
        if (names.has(name)) continue
        missingSince.delete(name)
        askedAt.delete(name)
      }
      for (const { orphan, inventory } of found) {
        tell(orphan)
        await deleteWhereWanted(orphan, inventory)
      }
      await rememberOrphans(
        redis,
        cluster,
        found.map(({ orphan }) => orphan),
      )
    },
  }
}

/** Nothing is deleted because a configuration lost all that it had, or moved it elsewhere. */
function isSurelyGone(application: string, { applications }: Configuration): boolean {
  return applications.size > 0 && !applications.has(application)
}

/** An inventory as an orphan of this cluster, if it is one. What another installation wrote is none of ours. */
export function orphanOf(
  { application, cluster: writtenFrom, install, entries, revision, deletion }: Inventory,
  here: { readonly cluster: string; readonly installation: string; readonly configuration: Configuration; readonly now: number },
): Orphan | undefined {
  const { cluster, installation, configuration } = here
  if (install !== installation) return undefined
  const configuredIn = configuration.applications.get(application)?.destination.cluster
  // Two names may stand for one cluster: what is configured under the other is its own, once it has been written from there.
  if (configuredIn === cluster || (configuredIn !== undefined && writtenFrom !== cluster)) return undefined
  // Its heir takes it over with the next sync; nothing of it may be deleted meanwhile.
  if (heirOf(application, cluster, configuration) !== undefined) return undefined
  return {
    application,
    cluster,
    objects: entries.size,
    ...(revision !== undefined && { revision }),
    deletionPolicy: deletion?.policy ?? 'orphan',
    since: here.now,
  }
}
