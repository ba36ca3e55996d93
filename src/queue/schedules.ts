import type { Redis } from '../model/redis.ts'
import type { Log } from '../model/log.ts'
import type { CurrentConfiguration } from '../model/configuration.ts'
import { clusterKeys } from '../model/keys.ts'
import { reachable } from './connection.ts'
import type { Jobs } from './jobs.ts'
import { CLAIM } from './scripts/claim.ts'
import { runScript } from './scripts/script.ts'

/** One thing that comes round. */
export interface Schedule {
  readonly name: string
  readonly intervalMs: number
  add(): Promise<void>
}

const TICK_MS = 1_000
/** A schedule that FLUSHALL forgot is due again at once, but only seen when somebody looks. */
const LOOK_AGAIN_MS = 8_000
export const CANARY_INTERVAL_MS = 30_000
/** Between two sweeps of a cluster whose watches are proven live: what they tell at once, the sweep need only confirm. */
const WATCHED_FACTOR = 10

/**
 * Adds polls, sweeps and canaries when they are due. Every worker asks, a key that expires lets one of them: nothing has to be registered
 * anywhere, so FLUSHALL costs one look (docs/decisions/010-schedules.md).
 */
export function startSchedules(options: {
  readonly cluster: string
  readonly configuration: CurrentConfiguration
  readonly redis: Redis
  readonly jobs: Jobs
  readonly log: Log
  /** Are watches proven live? Then sweeps come less often. */
  readonly isWatching?: () => boolean
}): { close(): void } {
  const { cluster, redis, log } = options
  const lookAt = new Map<string, number>()
  let looking = false
  const look = async (): Promise<void> => {
    for (const schedule of schedulesOf(options)) {
      const now = performance.now()
      if ((lookAt.get(`${schedule.name} ${schedule.intervalMs}`) ?? 0) > now) continue
      const leftMs = await claim(redis, cluster, schedule)
      if (leftMs === 0) await schedule.add().catch((error: unknown) => giveBack(redis, cluster, schedule, error))
      lookAt.set(`${schedule.name} ${schedule.intervalMs}`, now + Math.min(leftMs || schedule.intervalMs * 0.9, LOOK_AGAIN_MS))
    }
  }
  const timer = setInterval(() => {
    if (looking) return
    looking = true
    void look()
      .catch((error: unknown) => log.debug({ cluster, problem: String(error) }, 'schedules wait for Redis'))
      .finally(() => {
        looking = false
      })
  }, TICK_MS)
  return { close: () => clearInterval(timer) }
}

function schedulesOf({
  cluster,
  configuration,
  jobs,
  isWatching = () => false,
}: {
  isWatching?: () => boolean
  cluster: string
  configuration: CurrentConfiguration
  jobs: Jobs
}): readonly Schedule[] {
  const { applications, repositories, clusters } = configuration()
  const used = new Set([...applications.values()].filter((one) => one.destination.cluster === cluster).map((one) => one.source.repository))
  const polls = [...used].flatMap((name) => {
    const repository = repositories.get(name)
    return repository
      ? [
          {
            name: `poll/${name}`,
            intervalMs: repository.pollIntervalMs,
            add: async () => jobs.addPoll(name),
          },
        ]
      : []
  })
  const sweep = clusters.get(cluster)
  return [
    { name: 'canary', intervalMs: CANARY_INTERVAL_MS, add: async () => jobs.addCanary() },
    ...(sweep
      ? [{ name: 'sweep', intervalMs: sweep.sweepIntervalMs * (isWatching() ? WATCHED_FACTOR : 1), add: async () => jobs.addSweep() }]
      : []),
    ...polls,
  ]
}

/** ±10 %, so that many repositories do not stay in step. An interval that became shorter cuts what is still running. */
async function claim(redis: Redis, cluster: string, { name, intervalMs }: Schedule): Promise<number> {
  const jittered = Math.max(1, Math.round(intervalMs * (0.9 + 0.2 * Math.random())))
  return Number(await reachable(runScript(redis, CLAIM, [clusterKeys(cluster).schedule(name)], [jittered, Math.ceil(intervalMs * 1.1)])))
}

async function giveBack(redis: Redis, cluster: string, { name }: Schedule, error: unknown): Promise<never> {
  await redis.del(clusterKeys(cluster).schedule(name)).catch(() => 0)
  throw error
}
