import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { ChildProcess } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createDestination } from '../../src/cluster/destination.ts'
import type { Configuration } from '../../src/model/configuration.ts'
import type { Inventory } from '../../src/model/inventory.ts'
import { isJsonObject, parseJson, type JsonObject } from '../../src/model/json.ts'
import { clusterKeys } from '../../src/model/keys.ts'
import { applySetId, PART_OF_LABEL } from '../../src/model/names.ts'
import { createIntake } from '../../src/queue/accept.ts'
import { connectRedis } from '../../src/queue/connection.ts'
import { startTestRedis } from '../queue/redis.ts'
import { until } from '../queue/until.ts'
import { startApiProxy, type ApiProxy, type Passing, type ProxyHooks } from '../support/api-proxy.ts'
import { openAuditLog, type AuditEvent } from '../support/audit-log.ts'
import { checkoutRoot } from '../support/checkout.ts'
import { connectTo, silent } from '../support/connect.ts'
import { startGitServer, type Changes } from '../support/git-server.ts'
import { spawnOwned } from '../support/owned-process.ts'
import { startProgram, type Program } from '../support/program.ts'
import { openControlPlane } from '../support/shared-control-plane.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { githubHeaders, githubPush } from '../webhook/support.ts'

const SECRET = 'a-secret-of-the-scene'

/** ConfigMaps of the first commit, and of the second: four change, three go, three come. */
const FIRST = Array.from({ length: 12 }, (_, index) => index)
const SECOND = FIRST.map((index) => index + 3)

function files(numbers: readonly number[], changed: number): Changes {
  const manifest = (index: number): string =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `c${index}` },
      data: { value: index < changed ? 'new' : 'old' },
    })
  const gone = FIRST.filter((index) => !numbers.includes(index)).map((index) => [`c${index}.yaml`, null] as const)
  return Object.fromEntries([...gone, ...numbers.map((index) => [`c${index}.yaml`, manifest(index)] as const)])
}

/** A worker process with a way to the API server of its own. */
export interface WorkerProcess {
  readonly child: ChildProcess
  readonly proxy: ApiProxy
  /** All lines of its log so far. */
  log(): string
  /** Resolves when it is gone. */
  readonly gone: Promise<unknown>
}

/** What is left of one application. */
export interface Remains {
  readonly application: string
  /** Names of the ConfigMaps in its namespace and their value, `kube-root-ca.crt` apart. */
  readonly live: Readonly<Record<string, string>>
  readonly inventory: Inventory | undefined
  /** Every DELETE by gitwake in its namespace that the API server carried out. */
  readonly deletes: readonly AuditEvent[]
}

/** What a namespace must hold in the end: what Git says, and what never was gitwake's. */
const CONVERGED: Readonly<Record<string, string>> = {
  ...Object.fromEntries(SECOND.map((index) => [`c${index}`, index < 7 ? 'new' : 'old'])),
  bystander: 'not ours',
  child: 'made by an operator from c5, labels and all',
  copy: 'a copy of c5, labels and all',
}
const PRUNED = ['c0', 'c1', 'c2']

/**
 * Applications that have all synced the first commit, with the second one pushed but asked for by nobody. Each has a Cluster entry of its own
 * (all of them the same API server), and with it a queue, so that a worker process can be killed over one of them alone.
 */
export async function openScene(names: readonly string[]) {
  const plane = await openControlPlane()
  const [redis, host, folder] = await Promise.all([startTestRedis(), startGitServer(), createTempFolder('gitwake-crash-')])
  const id = randomUUID().slice(0, 8)
  const inventoryNamespace = `inventories-${id}`
  const repository = await host.createRepository('shop', files(FIRST, 0))
  await repository.setRef('refs/heads/frozen', await repository.head())
  const connection = await connectTo(plane.kubeconfig, `crash-${id}`)
  const destination = createDestination(connection, { inventoryNamespace, holder: id, version: id })
  const connections = connectRedis({ url: redis.url, log: silent })
  await connections.ready(AbortSignal.timeout(30_000))
  const intake = createIntake({
    redis: connections.producer,
    queues: connections.queues,
    configuration: () => NO_CONFIGURATION,
    log: silent,
  })
  const namespaceOf = (name: string): string => `${name}-${id}`
  const workers: WorkerProcess[] = []
  const servers: Program[] = []

  async function configuration(kubeconfig: string, some = names): Promise<string> {
    const documents = [
      { kind: 'Repository', metadata: { name: 'shop' }, spec: { url: repository.url, allowInsecure: true, pollInterval: '1d' } },
      ...some.flatMap((name) => [
        { kind: 'Cluster', metadata: { name }, spec: { kubeconfigFrom: { file: kubeconfig }, sweepInterval: '1d' } },
        {
          kind: 'Application',
          metadata: { name: namespaceOf(name) },
          spec: {
            source: { repository: 'shop', ref: name.startsWith('frozen') ? 'frozen' : 'main' },
            destination: { cluster: name, namespace: namespaceOf(name) },
            sync: { healthTimeout: '0' },
          },
        },
      ]),
    ]
    const file = join(folder.path, `${randomUUID()}.yaml`)
    await writeFile(file, documents.map((document) => JSON.stringify({ apiVersion: 'gitwake.dev/v1', ...document })).join('\n---\n'))
    return file
  }

  /** Starts `gitwake work`, for all clusters or for one; perhaps with another way to Redis, or another environment. */
  async function work(
    cluster: string | undefined,
    hooks: (worker: () => ChildProcess | undefined) => ProxyHooks,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<WorkerProcess> {
    let child: ChildProcess | undefined
    const proxy = await startApiProxy(
      plane,
      hooks(() => child),
    )
    const cacheDir = join(folder.path, 'cache')
    await mkdir(cacheDir, { recursive: true })
    const args = [join(checkoutRoot, 'dist/src/main.js'), 'work', ...(cluster === undefined ? [] : ['--cluster', cluster])]
    child = spawnOwned(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        GITWAKE_CONFIG: await configuration(proxy.kubeconfig),
        REDIS_URL: redis.url,
        GITWAKE_CACHE_DIR: cacheDir,
        GITWAKE_INVENTORY_NAMESPACE: inventoryNamespace,
        LOG_FORMAT: 'json',
        LOG_LEVEL: 'debug',
        ...environment,
      },
    })
    let log = ''
    const collect = (text: Buffer): void => void (log += text.toString('utf8'))
    child.stdout?.on('data', collect)
    child.stderr?.on('data', collect)
    const worker = { child, proxy, log: () => log, gone: once(child, 'exit') }
    workers.push(worker)
    return worker
  }

  /** Starts `gitwake serve` for one application, with its own way to Redis. */
  async function serve(name: string, redisUrl: string): Promise<Program> {
    const program = await startProgram(['serve'], {
      GITWAKE_CONFIG: await configuration('/nowhere/kubeconfig', [name]),
      REDIS_URL: redisUrl,
      GITHUB_WEBHOOK_SECRET: SECRET,
    })
    servers.push(program)
    // Before that it may have no connection to Redis yet.
    await until(async () => (await fetch(`${program.url}/readyz`)).ok)
    return program
  }

  /** What GitHub sends of the second commit; the same id is the same delivery. */
  async function deliver({ url }: Program, id: string): Promise<number> {
    const body = JSON.stringify(
      githubPush({ after: await repository.head(), repository: { clone_url: repository.url, html_url: repository.url } }),
    )
    const headers = githubHeaders(body, SECRET, id)
    return (await fetch(`${url}/hooks/github`, { method: 'POST', headers, body, signal: AbortSignal.timeout(30_000) })).status
  }

  async function ask(name: string): Promise<void> {
    const target = { application: namespaceOf(name), cluster: name, repository: 'shop' }
    await intake.acceptTrigger(target, { reason: 'push', at: Date.now() })
  }

  /** Is everything answered that was asked for? */
  async function isDone(name: string): Promise<boolean> {
    const [want, done] = await connections.producer.hmget(clusterKeys(name).application(namespaceOf(name)), 'want', 'done')
    return typeof want === 'string' && Number(want) > 0 && want === done
  }

  /** Is anything asked for that is not answered? */
  async function isAsked(name: string): Promise<boolean> {
    return (await connections.producer.exists(clusterKeys(name).application(namespaceOf(name)))) === 1 && !(await isDone(name))
  }

  async function api(method: 'GET' | 'POST' | 'PATCH', path: string, body?: object): Promise<JsonObject> {
    const answer = await connection.request({
      method,
      path,
      ...(method === 'PATCH' && { contentType: 'application/merge-patch+json', query: { fieldManager: 'kubectl-edit' } }),
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    })
    if (answer.status > 299) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
    const parsed = parseJson(answer.text)
    return isJsonObject(parsed) ? parsed : {}
  }

  /** What was never gitwake's: somebody's object, and two that an operator made with the labels of ours, one of them controlled. */
  async function strangers(name: string): Promise<void> {
    const path = `/api/v1/namespaces/${namespaceOf(name)}/configmaps`
    const labels = { [PART_OF_LABEL]: applySetId(namespaceOf(name), inventoryNamespace) }
    const make = (metadata: object, value: string) => api('POST', path, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { value } })
    const bystander = await make({ name: 'bystander' }, CONVERGED['bystander'] ?? '')
    const uid = isJsonObject(bystander['metadata']) ? bystander['metadata']['uid'] : undefined
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'bystander', uid, controller: true }
    await make({ name: 'child', labels, ownerReferences: [owner] }, CONVERGED['child'] ?? '')
    await make({ name: 'copy', labels }, CONVERGED['copy'] ?? '')
  }

  /** What a person does to one of its ConfigMaps. */
  async function edit(name: string, object: string): Promise<void> {
    await api('PATCH', `/api/v1/namespaces/${namespaceOf(name)}/configmaps/${object}`, { data: { value: 'by hand' } })
  }

  async function remains(name: string): Promise<Remains> {
    const namespace = namespaceOf(name)
    const list = await api('GET', `/api/v1/namespaces/${namespace}/configmaps`)
    const items = (Array.isArray(list['items']) ? list['items'] : []) as readonly {
      metadata: { name: string }
      data?: { value?: string }
    }[]
    const stored = await destination.readInventory(namespace, AbortSignal.timeout(30_000))
    const events = await openAuditLog(plane.auditLog).read({ namespace, verbs: ['delete', 'deletecollection'], userAgent: 'gitwake' })
    return {
      application: name,
      live: Object.fromEntries(
        items
          .filter(({ metadata }) => metadata.name !== 'kube-root-ca.crt')
          .map(({ metadata, data }) => [metadata.name, data?.value ?? '']),
      ),
      inventory: stored?.inventory,
      deletes: events.filter(({ responseStatus }) => (responseStatus?.code ?? 500) < 300),
    }
  }

  async function close(): Promise<void> {
    for (const { child } of workers) child.kill('SIGKILL')
    await Promise.all(servers.map((server) => server.kill()))
    await Promise.all(workers.map(({ gone }) => gone))
    await Promise.all(workers.map(({ proxy }) => proxy.close()))
    await intake.close()
    await connections.close()
    await connection.close()
    await Promise.all([redis.close(), host.stop(), folder.remove(), plane.close()])
  }

  try {
    const first = await work(undefined, () => ({}))
    await Promise.all(names.map(ask))
    await until(async () => (await Promise.all(names.map(isDone))).every(Boolean), 180_000)
    first.child.kill('SIGTERM')
    await first.gone
    await Promise.all(names.map(strangers))
    await repository.commit(files(SECOND, 7))
    await repository.commit(files(SECOND, 5), { branch: 'frozen' })
  } catch (error) {
    await close()
    throw error
  }
  return {
    redis,
    repository,
    work,
    serve,
    deliver,
    ask,
    isAsked,
    isDone,
    edit,
    remains,
    close,
    pushFix: () => repository.commit(files(SECOND, 7), { branch: 'frozen' }),
  }
}

export type Scene = Awaited<ReturnType<typeof openScene>>

const NO_CONFIGURATION: Configuration = {
  version: 1,
  repositories: new Map(),
  clusters: new Map(),
  tokens: new Map(),
  logins: new Map(),
  applications: new Map(),
}

export function expectConverged({ application, live }: Remains): void {
  assert.deepEqual(live, CONVERGED, application)
}

/** No object that the inventory does not know, and no entry without its object. */
export function expectTracked({ application, inventory }: Remains): void {
  const entries = [...(inventory?.entries.values() ?? [])].map(({ object, status }) => `${object.name} ${status}`)
  assert.deepEqual(entries.sort(), SECOND.map((index) => `c${index} owned`).sort(), application)
}

/** An answer that was lost may be asked for twice; then the second one deletes nothing. */
export function expectOnlyOwnDeletes({ application, deletes }: Remains): void {
  assert.deepEqual(deletes.map(({ objectRef }) => objectRef?.name ?? '').sort(), PRUNED, application)
}

/** A worker that was to be killed at one of its requests. */
export interface Kill {
  readonly application: string
  /** The request at which it ended; undefined where it had finished before. */
  readonly at: Passing | undefined
}

/** Runs the second commit of an application in a worker that is killed at its k-th request, before or after the API server carries it out. */
export async function killAt(scene: Scene, name: string, k: number, when: 'before' | 'after'): Promise<Kill> {
  let at: Passing | undefined
  const worker = await scene.work(name, (child) => ({
    [when]: (passing: Passing) => {
      if (passing.number < k) return 'pass'
      at ??= passing
      child()?.kill('SIGKILL')
      return 'swallow'
    },
  }))
  await scene.ask(name)
  // A run may need fewer requests than the one that was counted: then it just ends.
  let over = false
  const ended = worker.gone.then(() => (over = true))
  await until(async () => over || (await scene.isDone(name)))
  worker.child.kill('SIGKILL')
  await ended
  return { application: name, at }
}

/** Kills as many workers as are named, two at a time, each over an application of its own. */
export async function killAll(
  scene: Scene,
  plans: readonly { readonly name: string; readonly k: number; readonly when: 'before' | 'after' }[],
): Promise<Kill[]> {
  const waiting = [...plans]
  const kills: Kill[] = []
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      kills.push(await killAt(scene, next.name, next.k, next.when))
  }
  await Promise.all([lane(), lane()])
  return kills
}
