import type { Redis } from '../model/redis.ts'
import type { Log } from '../model/log.ts'
import type { CurrentConfiguration } from '../model/configuration.ts'
import type { Accepted, Intake, Repeatable, Target } from '../model/intake.ts'
import type { Ticket, Trigger } from '../model/job.ts'
import { clusterKeys } from '../model/keys.ts'
import type { Delivery } from '../model/push.ts'
import { startCatchUp } from './catch-up.ts'
import { clockAt } from './clock.ts'
import { reachable } from './connection.ts'
import { deliveryMark, recordName, recordOf } from './delivery.ts'
import { openDoor, openRecord, type Request, type Retention, type Taken } from './door.ts'
import { type Jobs, openJobs } from './jobs.ts'
import { claimKey } from './once.ts'
import { findPassing, moveOf } from './passing.ts'
import { CLASS, priorityOf } from './priority.ts'
import { openReads } from './reads.ts'
import { ASKED_FOR_MS } from './scripts/script.ts'
import { sayNow } from './standing.ts'

/** Intake, and what the serve role needs besides. */
export interface QueueIntake extends Intake {
  /** Asks the cluster's workers for a sweep and for a poll of every repository, now. */
  sweepNow(cluster: string): Promise<void>
  /** Requests for these were refused: a sweep and polls make up for them as soon as they can be asked for. */
  missed(targets: readonly Target[]): void
  /** The queue of a cluster: counts and queue UI. */
  jobs(cluster: string): Jobs
  close(): Promise<void>
}

export interface IntakeOptions {
  /** A connection that fails fast (`Connections.producer`). */
  readonly redis: Redis
  /** The connection of BullMQ (`Connections.queues`). */
  readonly queues: Redis
  readonly configuration: CurrentConfiguration
  readonly log: Log
  /** How long a delivery id is remembered, and how many at most (per cluster, and by the receiver). */
  readonly retention?: Retention
}

const RETENTION: Retention = { ageMs: 72 * 3_600_000, deliveries: 50_000 }

export function createIntake({ redis, queues, configuration, log, retention = RETENTION }: IntakeOptions): QueueIntake {
  const opened = new Map<string, Jobs>()
  const jobs = perCluster((cluster) => openJobs(queues, cluster), opened)
  const record = openRecord(redis, retention)
  const door = perCluster((cluster) => openDoor(redis, cluster, retention))
  const reads = perCluster((cluster) => openReads(redis, cluster))
  const catchUp = startCatchUp({ sweepNow: async (cluster) => sweepNow(cluster), log })
  const missed = (targets: readonly Target[]): void => catchUp.owe(targets.map(({ cluster }) => cluster))
  const guarded = async <Value>(targets: readonly Target[], accept: Promise<Value>): Promise<Value> => {
    try {
      return await reachable(accept)
    } catch (error) {
      missed(targets)
      throw error
    }
  }

  const sweepNow = async (cluster: string): Promise<void> => {
    const repositories = new Set(
      [...configuration().applications.values()]
        .filter(({ destination }) => destination.cluster === cluster)
        .map(({ source }) => source.repository),
    )
    await Promise.all([jobs(cluster).addSweep(), ...[...repositories].map((repository) => jobs(cluster).addPoll(repository))])
  }

  const acceptIn = async (cluster: string, request: Request): Promise<readonly Taken[]> => {
    const taken = await door(cluster)(request)
    const jobClass = CLASS[request.trigger.reason]
    for (const { ticket, action, waiting } of taken) {
      if (action === 'add' || action === 'raise')
        await jobs(cluster).addSync(ticket.application, priorityOf(jobClass, waiting), action === 'raise')
    }
    return taken
  }

  const acceptDelivery = async (delivery: Delivery, targets: readonly Target[], trigger: Trigger): Promise<Accepted> => {
    const mark = deliveryMark(delivery)
    // Both are idempotent: where a crash lets only one of them happen, the sender's next attempt completes the other.
    const recorded = record({ id: delivery.id, name: recordName(delivery), text: JSON.stringify(recordOf(delivery, targets)) })
    const move = moveOf(delivery, trigger)
    const accepting = [...byCluster(targets)].map(async ([cluster, own]) => {
      const passing = move && (await findPassing({ redis, askReads: reads(cluster) }, configuration(), cluster, own, move, trigger))
      return acceptIn(cluster, { mark, targets: own, trigger, ...(move && passing && { move, passing }) })
    })
    const [known, ...accepted] = await Promise.all([recorded, ...accepting])
    const taken = new Map(accepted.flat().map((one) => [one.ticket.application, one]))
    const tickets = targets.flatMap(({ application }) => taken.get(application)?.ticket ?? [])
    const notAffected = [...taken.values()].flatMap(({ action, ticket }) => (action === 'passed' ? [ticket.application] : []))
    return {
      tickets,
      ...(notAffected.length > 0 && { notAffected }),
      duplicate: targets.length === 0 ? known : [...taken.values()].every((one) => one.known),
    }
  }

  const acceptOne = async (target: Target, trigger: Trigger, mark: string): Promise<Ticket> => {
    const [taken] = await acceptIn(target.cluster, { mark, targets: [target], trigger })
    if (!taken) throw new TypeError('Redis answered a trigger without a ticket')
    return taken.ticket
  }

  const acceptOnce = async (target: Target, trigger: Trigger, repeatable: Repeatable): Promise<Ticket | undefined> => {
    const mark = await claimKey(redis, repeatable)
    return mark === undefined ? undefined : acceptOne(target, trigger, mark)
  }

  /** By the clock that judges it when a worker comes. */
  const soon = async (key: string): Promise<number> => (await reachable(clockAt(redis, key))) + ASKED_FOR_MS

  return {
    acceptDelivery: async (delivery, targets, trigger) => guarded(targets, acceptDelivery(delivery, targets, trigger)),
    acceptTrigger: async (target, trigger) => guarded([target], acceptOne(target, trigger, '')),
    acceptOnce: async (target, trigger, repeatable) => guarded([target], acceptOnce(target, trigger, repeatable)),
    acceptTriggers: async (targets, trigger) => {
      const accepting = [...byCluster(targets)].map(async ([cluster, own]) => acceptIn(cluster, { mark: '', targets: own, trigger }))
      return (await guarded(targets, Promise.all(accepting))).flat().map(({ ticket }) => ticket)
    },
    confirmPlan: async ({ cluster, application }, plan) => {
      const key = clusterKeys(cluster).application(application)
      await reachable(redis.hset(key, { confirm: plan, confirmUntil: await soon(key) }))
    },
    depart: async ({ cluster, application }, departure) => {
      const key = clusterKeys(cluster).application(application)
      await reachable(redis.hset(key, { departure, departureUntil: await soon(key) }))
    },
    say: async ({ cluster, application }, standing) => reachable(sayNow(redis, cluster, application, standing)),
    missed,
    sweepNow,
    jobs,
    close: async () => {
      catchUp.stop()
      await Promise.all([...opened.values()].map(async (open) => open.close()))
    },
  }
}

/** One for each cluster, opened when it is first asked for. */
function perCluster<Opened>(open: (cluster: string) => Opened, opened = new Map<string, Opened>()): (cluster: string) => Opened {
  return (cluster) => {
    const known = opened.get(cluster) ?? open(cluster)
    opened.set(cluster, known)
    return known
  }
}

function byCluster(targets: readonly Target[]): ReadonlyMap<string, readonly Target[]> {
  return Map.groupBy(targets, ({ cluster }) => cluster)
}
