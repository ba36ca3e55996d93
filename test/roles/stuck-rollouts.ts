import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectCluster } from '../../src/cluster/connect.ts'
import type { Application, Configuration } from '../../src/model/configuration.ts'
import type { SyncResult } from '../../src/model/result.ts'
import { createIntake } from '../../src/queue/accept.ts'
import { connectRedis } from '../../src/queue/connection.ts'
import { createHeadHistory } from '../../src/queue/heads.ts'
import { startWorker } from '../../src/queue/worker.ts'
import { createRenderer } from '../../src/render/renderer.ts'
import { createDependencies } from '../../src/roles/dependencies.ts'
import { createDestinations } from '../../src/roles/destinations.ts'
import { createRunSync } from '../../src/roles/run-sync.ts'
import { createSource } from '../../src/source/source.ts'
import { silent } from '../queue/setup.ts'
import { startTestRedis } from '../queue/redis.ts'
import { until } from '../queue/until.ts'
import { openAuditLog } from '../support/audit-log.ts'
import { startControlPlane } from '../support/control-plane.ts'
import { startGitServer } from '../support/git-server.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const CLUSTER = 'test'
const REPOSITORY = 'fleet'
const INVENTORIES = 'gitwake-system'

function deployment(name: string, image: string): string {
  const template = { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'main', image }] } }
  const spec = { replicas: 1, selector: { matchLabels: { app: name } }, template }
  return JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec })
}

function applicationOf(name: string): Application {
  return {
    name,
    source: { repository: REPOSITORY, ref: 'refs/heads/main', path: name },
    destination: { cluster: CLUSTER, namespace: 'fleet', createNamespace: true },
    sync: { prune: true, selfHeal: true, partial: false, preflight: true, undeclared: 'report', healthTimeoutMs: 300_000 },
    dependsOn: [],
  }
}

/**
 * Real queue, real Git host, real control plane: `count` applications whose rollouts never get ready, all of them waited for. Then the
 * next application is synced, and a fix is pushed for one of the stuck ones.
 */
export async function syncBehindStuckRollouts(count: number, tell: (line: string) => void): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const plane = await startControlPlane({ log: () => undefined })
  stack.defer(() => plane.stop())
  const host = await startGitServer()
  stack.defer(() => host.stop())
  const redis = await startTestRedis()
  stack.defer(() => redis.close())
  const cache = await createTempFolder('gitwake-cache-')
  stack.defer(() => cache.remove())

  const stuck = Array.from({ length: count }, (_, index) => `stuck-${index}`)
  const files = Object.fromEntries(stuck.map((name) => [`${name}/api.yaml`, deployment(name, 'never-ready:1')]))
  const repository = await host.createRepository(REPOSITORY, { ...files, 'next/api.yaml': deployment('next', 'good:1') })
  const configuration: Configuration = {
    version: 1,
    tokens: new Map(),
    logins: new Map(),
    repositories: new Map([[REPOSITORY, { name: REPOSITORY, url: repository.url, pollIntervalMs: 86_400_000, allowInsecure: true }]]),
    clusters: new Map([
      [
        CLUSTER,
        {
          name: CLUSTER,
          connection: { kind: 'kubeconfig', kubeconfigFrom: { file: plane.kubeconfig }, allowExec: false },
          sweepIntervalMs: 86_400_000,
          auditIntervalMs: 0,
          watch: false,
        },
      ],
    ]),
    applications: new Map([...stuck, 'next'].map((name) => [name, applicationOf(name)])),
  }

  const connections = connectRedis({ url: redis.url, log: silent })
  stack.defer(() => connections.close())
  await connections.ready(AbortSignal.timeout(20_000))
  const common = { cluster: CLUSTER, configuration: () => configuration, redis: connections.producer, log: silent }
  const intake = createIntake({ ...common, queues: connections.queues })
  stack.defer(() => intake.close())
  const resolveSecret = (): Promise<string> => readFile(plane.kubeconfig, 'utf8')
  const source = createSource({ cacheDir: cache.path, resolveSecret })
  stack.defer(() => source.close())
  const destinations = createDestinations(
    connectCluster,
    { resolveSecret, log: silent },
    { inventoryNamespace: INVENTORIES, holder: `test-${randomUUID()}`, version: 'test' },
  )
  stack.defer(() => destinations.close())
  const run = createRunSync({
    ...common,
    heads: createHeadHistory(connections.producer, CLUSTER),
    source,
    renderer: createRenderer(),
    destinations,
    installation: 'gitwake',
    inventoryNamespace: INVENTORIES,
    dependencies: createDependencies({ ...common, intake }),
  })
  const results: SyncResult[] = []
  const worker = startWorker({
    cluster: CLUSTER,
    connections,
    configuration: () => configuration,
    log: silent,
    run,
    poll: () => Promise.resolve(),
    sweep: () => Promise.resolve(),
    plan: () => Promise.resolve(),
    onResult: (result) => results.push(result),
  })
  stack.defer(() => worker.close())

  const push = async (application: string): Promise<void> => {
    await intake.acceptTrigger({ application, cluster: CLUSTER, repository: REPOSITORY }, { reason: 'push', at: Date.now() })
  }
  const audit = openAuditLog(plane.auditLog)
  const deployed = async (): Promise<number> => {
    await sleep(250) // the log is long
    const events = await audit.read({ verbs: ['patch'], resource: 'deployments' })
    return new Set(
      events
        .filter(({ requestURI, responseStatus }) => !requestURI.includes('dryRun') && responseStatus?.code === 201)
        .map(({ objectRef }) => objectRef?.name),
    ).size
  }
  await Promise.all(stuck.map(push))
  await until(async () => (await deployed()) === count, 240_000)
  assert.equal(results.length, 0)
  tell(`${count} rollouts are stuck, ${Math.round(process.memoryUsage().rss / 1e6)} MB resident`)

  const idleFrom = await audit.position()
  const began = performance.now()
  await push('next')
  await until(async () => (await audit.read({ userAgent: 'gitwake', name: 'next' }, idleFrom)).length > 0)
  tell(`the next application's first own request was seen after ${Math.round(performance.now() - began)} ms`)
  await until(() => results.length > 0)
  tell(`the next application was synced and healthy after ${Math.round(performance.now() - began)} ms`)
  const [next] = results.splice(0)
  assert.deepEqual([next?.application, next?.outcome, next?.health.status], ['next', 'synced', 'current'])

  const pushed = performance.now()
  await repository.commit({ 'stuck-0/api.yaml': deployment('stuck-0', 'good:1') })
  await push('stuck-0')
  await until(() => results.length >= 2)
  tell(`the stuck one and its fix ended ${Math.round(performance.now() - pushed)} ms after the push of the fix`)
  const ended = results.map(({ application, outcome, health }) => [application, outcome, health.status])
  assert.deepEqual(ended, [
    ['stuck-0', 'synced', 'in progress'],
    ['stuck-0', 'synced', 'current'],
  ])
  const seconds = (performance.now() - began) / 1000
  const asked = (await audit.read({ userAgent: 'gitwake' }, idleFrom)).length
  tell(`${asked} requests in ${seconds.toFixed(1)} s`)
}
