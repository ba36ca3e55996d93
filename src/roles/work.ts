import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { connectCluster } from '../cluster/connect.ts'
import { environmentValue } from '../config.ts'
import { GitwakeError } from '../model/error.ts'
import type { SyncResult } from '../model/result.ts'
import { createIntake } from '../queue/accept.ts'
import { createHeadHistory } from '../queue/heads.ts'
import { startWorker, type QueueWorker } from '../queue/worker.ts'
import { createRenderer } from '../render/renderer.ts'
import { createSource } from '../source/source.ts'
import { gitwakeVersion } from '../version.ts'
import { createDependencies } from './dependencies.ts'
import { createDestinations } from './destinations.ts'
import { createLookAround, type LookAround } from './look-around.ts'
import type { Process } from './process.ts'
import { createRunPlan } from './run-plan.ts'
import { createRunSync, tellResult } from './run-sync.ts'
import type { Running } from './serve.ts'

export interface WorkOptions {
  /** Work for this cluster only; for every configured one otherwise. */
  readonly cluster?: string
  /** Empty the queues, then stop by itself. */
  readonly drain: boolean
}

export interface Working extends Running {
  /** Resolves when every queue is empty and nothing is due. */
  drained(signal: AbortSignal): Promise<void>
}

/** Starts one worker per cluster, and follows the configuration as clusters come and go. */
export async function startWorking(shared: Process, options: WorkOptions): Promise<Working> {
  const { settings, log, connections, resolveSecret } = shared
  const configuration = shared.configuration.current
  if (options.cluster !== undefined && !configuration().clusters.has(options.cluster)) {
    throw new GitwakeError('unknown-cluster', `the configuration has no cluster ${options.cluster}`, {
      fix: `Name one of: ${[...configuration().clusters.keys()].join(', ')}.`,
    })
  }
  const path = shared.searchPath === undefined ? {} : { path: shared.searchPath }
  const source = createSource({ cacheDir: settings.cacheDirectory, resolveSecret, ...path })
  const renderer = createRenderer({
    ...(settings.kustomizePath !== undefined && { kustomizePath: settings.kustomizePath }),
    ...(shared.searchPath !== undefined && { searchPath: shared.searchPath }),
  })
  const intake = createIntake({ redis: connections.producer, queues: connections.queues, configuration, log })
  const version = gitwakeVersion()
  const holder = `${hostname()}-${randomUUID().slice(0, 8)}`
  const inventoryNamespace = settings.inventoryNamespace
  const connecting = { resolveSecret, environment: environmentValue, log, version }
  const destinations = createDestinations(connectCluster, connecting, { inventoryNamespace, holder, version })
  const dependencies = createDependencies({ configuration, redis: connections.producer, intake, log })
  const workers = new Map<string, QueueWorker>()
  const watches = new Map<string, LookAround['watch']>()
  const notices = new Map<string, () => Promise<void>>()
  const closing = new AbortController()

  function start(cluster: string): void {
    const { installation } = settings
    const heads = createHeadHistory(connections.producer, cluster)
    const common = {
      cluster,
      configuration,
      redis: connections.producer,
      intake,
      heads,
      source,
      renderer,
      destinations,
      installation,
      inventoryNamespace,
      log,
    }
    const lookAround = createLookAround({
      ...common,
      onHealth: dependencies.changed,
      askForSweep: () => intake.jobs(cluster).addSweep(),
    })
    const joined = { ...common, dependencies }
    const run = createRunSync(joined)
    const plan = createRunPlan(joined)
    const { poll, sweep } = lookAround
    const onResult = (result: SyncResult): void => {
      // A kind that nothing here had before is watched from now on, not from the next sweep on.
      const made = result.changes.filter(({ action }) => action === 'created' || action === 'adopted').map(({ object }) => object)
      lookAround.watch.include(made).catch((error: unknown) => log.debug({ cluster, problem: String(error) }, 'could not watch a new kind'))
      tellResult(log, result)
      dependencies.ended(result)
    }
    workers.set(
      cluster,
      startWorker({
        cluster,
        connections,
        configuration,
        log,
        run,
        plan,
        poll,
        sweep,
        onResult,
        isWatching: lookAround.watch.isLive,
        drain: options.drain,
      }),
    )
    notices.set(cluster, lookAround.noticeConfiguration)
    watches.set(cluster, lookAround.watch)
    void meet(cluster)
  }

  /** Handshake and discovery ahead of the first sync, which else waits for them. Where the cluster does not answer, that sync says so. */
  async function meet(name: string): Promise<void> {
    const cluster = configuration().clusters.get(name)
    if (cluster === undefined) return
    try {
      await destinations.use(cluster, async (destination) => destination.catalog({ refresh: false }, closing.signal))
    } catch (error) {
      log.debug({ cluster: name, problem: String(error) }, 'the cluster does not answer yet')
    }
  }

  function follow(): void {
    const wanted = options.cluster === undefined ? [...configuration().clusters.keys()] : [options.cluster]
    for (const cluster of wanted) if (configuration().clusters.has(cluster) && !workers.has(cluster)) start(cluster)
    for (const [cluster, worker] of workers) {
      if (configuration().clusters.has(cluster)) continue
      workers.delete(cluster)
      notices.delete(cluster)
      watches.get(cluster)?.close()
      watches.delete(cluster)
      log.info({ cluster }, 'the cluster is not configured any more: its worker stops')
      worker.close().catch((error: unknown) => log.warn({ cluster, problem: String(error) }, 'a worker did not stop cleanly'))
    }
    destinations.keepOnly(configuration().clusters)
    notice()
  }

  function notice(): void {
    for (const [cluster, look] of notices) {
      dependencies.lookAgain(cluster)
      look().catch((error: unknown) =>
        log.debug({ cluster, problem: String(error) }, 'could not compare the configuration with what was seen last'),
      )
    }
  }

  follow()
  shared.onChange(follow)
  // At the start Redis is not connected yet; after FLUSHALL nothing remembers what was seen: look again then, and now and then.
  connections.producer.on('ready', notice)
  const timer = setInterval(notice, 15_000)
  log.info({ clusters: [...workers.keys()], holder }, 'gitwake works')
  return {
    async drained(signal) {
      await connections.ready(signal)
      await Promise.all([...notices.values()].map((look) => look()))
      do await Promise.all([...workers.values()].map((worker) => worker.drained(signal)))
      while (await dependencies.settled())
    },
    async close() {
      clearInterval(timer)
      closing.abort(new DOMException('The worker is shutting down', 'AbortError'))
      connections.producer.off('ready', notice)
      for (const watch of watches.values()) watch.close()
      await Promise.all([...workers.values()].map((worker) => worker.close()))
      await dependencies.settled()
      await intake.close()
      await source.close()
      await destinations.close()
    },
  }
}
