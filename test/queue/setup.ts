import { pino } from 'pino'
import type { Application, Configuration } from '../../src/model/configuration.ts'
import type { Target } from '../../src/model/intake.ts'
import type { SyncJob, SyncReason, Trigger } from '../../src/model/job.ts'
import type { Delivery } from '../../src/model/push.ts'
import type { Log } from '../../src/model/log.ts'
import type { SyncResult } from '../../src/model/result.ts'
import { connectRedis, type Connections } from '../../src/queue/connection.ts'
import { createIntake, type QueueIntake } from '../../src/queue/accept.ts'
import { type QueueWorker, startWorker, type WorkerOptions } from '../../src/queue/worker.ts'
import { startTestRedis, type TestRedis } from './redis.ts'

export const silent: Log = pino({ level: process.env['GITWAKE_TEST_LOG'] ?? 'silent' })

export function configurationOf(names: readonly string[], clusters: readonly string[] = ['prod']): Configuration {
  return {
    version: 1,
    tokens: new Map(),
    logins: new Map(),
    repositories: new Map([
      [
        'shop',
        {
          name: 'shop',
          url: 'https://example.com/shop.git',
          pollIntervalMs: 60_000,
          allowInsecure: false,
        },
      ],
    ]),
    clusters: new Map(
      clusters.map((name) => [
        name,
        { name, connection: { kind: 'in-cluster' }, sweepIntervalMs: 60_000, auditIntervalMs: 0, watch: false },
      ]),
    ),
    applications: new Map(
      clusters
        .flatMap((cluster) => names.map((name) => applicationNamed(clusters.length > 1 ? `${name}-${cluster}` : name, cluster)))
        .map((one) => [one.name, one]),
    ),
  }
}

export function applicationNamed(name: string, cluster: string): Application {
  return {
    name,
    source: { repository: 'shop', ref: 'refs/heads/main', path: '' },
    destination: { cluster, namespace: name, createNamespace: true },
    sync: {
      prune: true,
      selfHeal: true,
      partial: false,
      preflight: true,
      undeclared: 'report',
      healthTimeoutMs: 0,
    },
    dependsOn: [],
  }
}

export function targetOf(application: string, cluster = 'prod'): Target {
  return { application, cluster, repository: 'shop' }
}

export function trigger(reason: SyncReason = 'push', more: Partial<Trigger> = {}): Trigger {
  return { reason, at: Date.now(), ...more }
}

export function delivery(id: string, after = 'a'.repeat(40), bodyDigest = `digest of ${id}`): Delivery {
  return {
    provider: 'github',
    id,
    bodyDigest,
    receivedAt: Date.now(),
    repository: undefined,
    event: {
      kind: 'push',
      repositoryUrls: ['https://example.com/shop.git'],
      ref: 'refs/heads/main',
      before: '0'.repeat(40),
      after,
      deleted: false,
      created: false,
      forced: false,
      changedPaths: undefined,
      actor: 'ada',
    },
  }
}

export function resultOf(job: SyncJob, more: Partial<SyncResult> = {}): SyncResult {
  return {
    schema: 1,
    application: job.application,
    cluster: 'prod',
    reason: job.reason,
    triggers: job.triggers,
    seen: job.seen,
    revision: 'a'.repeat(40),
    rendered: 'digest',
    outcome: 'synced',
    message: 'synced',
    changes: [],
    counts: {},
    warnings: [],
    health: { status: 'current', objects: [] },
    startedAt: Date.now(),
    finishedAt: Date.now(),
    timings: {},
    ...more,
  }
}

export const failed = (retryable: boolean): Partial<SyncResult> => ({
  outcome: 'failed',
  message: 'it failed',
  problem: { code: 'test', message: 'it failed', fix: 'none', retryable },
})

/** Everything of one test: its own Redis, an intake, and workers that are closed with it. */
export interface Setup {
  readonly redis: TestRedis
  readonly connections: Connections
  readonly intake: QueueIntake
  readonly configuration: Configuration
  work(options: Partial<WorkerOptions> & Pick<WorkerOptions, 'run'>): QueueWorker
  connect(as?: { readonly user: string; readonly password: string }): Connections
  [Symbol.asyncDispose](): Promise<void>
}

export async function setUp(
  names: readonly string[] = ['api'],
  clusters: readonly string[] = ['prod'],
  start: () => Promise<TestRedis> = startTestRedis,
): Promise<Setup> {
  const redis = await start()
  const configuration = configurationOf(names, clusters)
  const opened: Connections[] = []
  const workers: QueueWorker[] = []
  const connect: Setup['connect'] = (as) => {
    const url = as === undefined ? redis.url : redis.url.replace('://', `://${as.user}:${as.password}@`)
    const connections = connectRedis({ url, log: silent })
    opened.push(connections)
    return connections
  }
  const connections = connect()
  await connections.ready(AbortSignal.timeout(20_000))
  const intake = createIntake({
    redis: connections.producer,
    queues: connections.queues,
    configuration: () => configuration,
    log: silent,
  })
  return {
    redis,
    connections,
    intake,
    configuration,
    connect,
    work: (options) => {
      const worker = startWorker({
        cluster: 'prod',
        connections: connect(),
        configuration: () => configuration,
        log: silent,
        poll: async () => undefined,
        sweep: async () => undefined,
        plan: () => Promise.resolve(),
        ...options,
      })
      workers.push(worker)
      return worker
    },
    [Symbol.asyncDispose]: async () => {
      redis.thaw()
      await Promise.all(workers.map(async (worker) => worker.close()))
      await intake.close()
      await Promise.all(opened.map(async (one) => one.close()))
      await redis.close()
    },
  }
}

/** The configuration with so many tries of a failure. */
export function withRetries({ configuration }: Pick<Setup, 'configuration'>, limit: number): Configuration {
  const limited = [...configuration.applications.values()].map((one) => ({ ...one, sync: { ...one.sync, retry: { limit } } }))
  return { ...configuration, applications: new Map(limited.map((one) => [one.name, one])) }
}
