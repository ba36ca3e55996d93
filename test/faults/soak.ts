import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isJsonObject, parseJson, type Json } from '../../src/model/json.ts'
import type { ClusterConnection } from '../../src/cluster/connect.ts'
import { clusterKeys } from '../../src/model/keys.ts'
import { ofCluster, startTestRedis, type TestRedis } from '../queue/redis.ts'
import { until } from '../queue/until.ts'
import { connectTo } from '../support/connect.ts'
import { startControlPlane } from '../support/control-plane.ts'
import { startGitServer, type GitRepository, type GitServer } from '../support/git-server.ts'
import { startProgram, type Program } from '../support/program.ts'
import { startRedisCluster, type RedisCluster } from '../support/redis-cluster.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { githubHeaders, githubPush } from '../webhook/support.ts'
import { createRandom, type Random } from './random.ts'

const SECRET = 'a-secret-of-the-soak'
const APPLICATIONS = 6
const CONVERGED_WITHIN_MS = 180_000

export interface SoakOptions {
  /** Of a Redis Cluster, masters fail over too. */
  readonly kind: 'Redis' | 'Redis Cluster'
  readonly durationMs: number
  readonly seed: number
  readonly tell: (line: string) => void
}

/** What stands in the cluster and in Git of one application. */
interface Follower {
  readonly name: string
  readonly repository: GitRepository
  pushed: number
  /** Values of its ConfigMap in the order in which the API server had them. */
  readonly seen: number[]
}

interface Stage {
  readonly redis: TestRedis
  readonly cluster: RedisCluster | undefined
  readonly host: GitServer
  readonly followers: readonly Follower[]
  readonly start: { serve(): Promise<Program>; work(): Promise<Program> }
  serve: Program
  readonly workers: Program[]
  readonly random: Random
}

/**
 * The whole program, receiver and two workers as processes of their own, under pushes (some without a webhook, some with two, out of order)
 * and random faults. Ends when everything was healed and every head is applied; throws where one is not, where an older one came after a
 * newer one, or where an object was left behind.
 */
export async function soak({ kind, durationMs, seed, tell }: SoakOptions): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const plane = await startControlPlane({ log: () => undefined })
  stack.defer(() => plane.stop())
  const host = await startGitServer()
  stack.defer(() => host.stop())
  const cluster = kind === 'Redis Cluster' ? await startRedisCluster({ replicas: true }) : undefined
  const redis = cluster === undefined ? await startTestRedis() : ofCluster(cluster)
  stack.defer(() => redis.close())
  const folder = await createTempFolder('gitwake-soak-')
  stack.defer(() => folder.remove())
  const connection = await connectTo(plane.kubeconfig, 'soak')
  stack.defer(() => connection.close())

  const followers = await Promise.all(
    Array.from({ length: APPLICATIONS }, async (_, index): Promise<Follower> => {
      const name = `app-${index}`
      return { name, repository: await host.createRepository(name, filesOf(name, 0)), pushed: 0, seen: [] }
    }),
  )
  const configuration = join(folder.path, 'gitwake.yaml')
  await writeFile(configuration, configurationOf(followers, plane.kubeconfig))
  const environment = {
    GITWAKE_CONFIG: configuration,
    REDIS_URL: redis.url,
    GITHUB_WEBHOOK_SECRET: SECRET,
    GITWAKE_API_TOKEN: 'a-token-of-the-soak',
    GITWAKE_RATE_LIMIT: 'off',
  }
  const start = {
    serve: async () => startProgram(['serve'], environment),
    work: async () => startProgram(['work'], { ...environment, GITWAKE_CACHE_DIR: join(folder.path, randomUUID()) }),
  }
  const stage: Stage = {
    redis,
    cluster,
    host,
    followers,
    start,
    serve: await start.serve(),
    workers: [await start.work(), await start.work()],
    random: createRandom(seed),
  }
  stack.defer(async () => void (await Promise.all([stage.serve, ...stage.workers].map((program) => program.kill()))))
  const watching = new AbortController()
  const watch = followObjects(connection, followers, watching.signal)
  stack.defer(async () => (watching.abort(), watch))

  tell(`seed ${seed}, ${durationMs / 1000} s`)
  const end = performance.now() + durationMs
  const counts = { pushes: 0, accepted: 0, refused: 0, unsent: 0 }
  const pushing = pushUntil(end, stage, counts)
  const faults = await faultUntil(end, stage)
  await pushing
  tell(
    `${counts.pushes} pushes; ${counts.accepted} deliveries accepted, ${counts.refused} refused or unanswered, ${counts.unsent} pushes without any`,
  )
  tell(`faults: ${[...faults].map(([name, count]) => `${count} × ${name}`).join(', ')}`)

  const healedAt = performance.now()
  const applied = async (): Promise<readonly string[]> => {
    const behind = await Promise.all(
      followers.map(async ({ name, pushed }) => ((await versionOf(connection, name)) === pushed ? [] : [name])),
    )
    return behind.flat()
  }
  const told = async (): Promise<string> =>
    `behind: ${(await applied()).join(', ')}\n${stage.serve.output().slice(-4000)}\n${stage.workers.map((one) => one.output().slice(-4000)).join('\n')}`
  await until(async () => (await applied()).length === 0, CONVERGED_WITHIN_MS).catch(async () => assert.fail(await told()))
  tell(`every head applied ${Math.round((performance.now() - healedAt) / 100) / 10} s after the last fault`)

  for (const { name, pushed } of followers) {
    const left = (): Promise<readonly string[]> => namesOf(connection, name)
    const expected = ['state', ...(pushed === 0 ? [] : [`extra-${pushed}`])].toSorted().join()
    await until(async () => (await left()).join() === expected, CONVERGED_WITHIN_MS).catch(async () =>
      assert.fail(`${name} has ${(await left()).join()} instead of ${expected}`),
    )
  }
  const writes = followers.reduce((sum, { seen }) => sum + seen.length, 0)
  tell(`${writes} applied states seen by a watch; 0 objects left behind`)
  for (const { name, seen } of followers) {
    assert.deepEqual(
      seen,
      seen.toSorted((left, right) => left - right),
      `${name} went back`,
    )
  }
}

function filesOf(name: string, version: number): Record<string, string | null> {
  const object = (of: string) =>
    JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: of }, data: { version: String(version), of: name } })
  return {
    'state.json': object('state'),
    ...(version > 0 && { [`extra-${version}.json`]: object(`extra-${version}`) }),
    ...(version > 1 && { [`extra-${version - 1}.json`]: null }),
  }
}

function configurationOf(followers: readonly Follower[], kubeconfig: string): string {
  const document = (kind: string, name: string, spec: object) =>
    JSON.stringify({ apiVersion: 'gitwake.dev/v1', kind, metadata: { name }, spec })
  return [
    document('Cluster', 'prod', { kubeconfigFrom: { file: kubeconfig }, sweepInterval: '30s' }),
    ...followers.flatMap(({ name, repository }) => [
      document('Repository', name, { url: repository.url, allowInsecure: true, pollInterval: '30s' }),
      document('Application', name, {
        source: { repository: name, ref: 'main' },
        destination: { cluster: 'prod', namespace: name },
        sync: { healthTimeout: '5s' },
      }),
    ]),
  ].join('\n---\n')
}

/** About two pushes a second: one of five tells nobody, one of five tells twice, and deliveries overtake each other. */
async function pushUntil(
  end: number,
  stage: Stage,
  counts: { pushes: number; accepted: number; refused: number; unsent: number },
): Promise<void> {
  const { random, followers } = stage
  const sent: Promise<void>[] = []
  while (performance.now() < end) {
    const follower = random.pick(followers)
    const version = follower.pushed + 1
    const after = await follower.repository.commit(filesOf(follower.name, version), { message: `version ${version}` })
    follower.pushed = version
    counts.pushes += 1
    const times = random.pick([0, 1, 1, 1, 2])
    if (times === 0) counts.unsent += 1
    const body = JSON.stringify(
      githubPush({ after, repository: { clone_url: follower.repository.url, html_url: follower.repository.url } }),
    )
    const headers = githubHeaders(body, SECRET, randomUUID())
    for (let time = 0; time < times; time += 1) {
      const waitMs = random.upTo(1_500)
      sent.push(
        sleep(waitMs)
          .then(() => fetch(`${stage.serve.url}/hooks/github`, { method: 'POST', headers, body, signal: AbortSignal.timeout(12_000) }))
          .then(({ ok }) => void (counts[ok ? 'accepted' : 'refused'] += 1))
          .catch(() => void (counts.refused += 1)),
      )
    }
    await sleep(random.upTo(1_000))
  }
  await Promise.all(sent)
}

/** Its replica takes over; when it is back, it follows that. */
const FAILOVER: Fault = [
  'Redis master killed, its replica takes over',
  async ({ cluster }) => {
    const key = clusterKeys('prod').status
    const master = await cluster?.ownerOf(key)
    await master?.kill()
    await until(async () => (await cluster?.ownerOf(key))?.port !== master?.port)
    await master?.restart()
    await cluster?.whole()
  },
]

type Fault = readonly [name: string, strike: (stage: Stage) => Promise<void>]

const FAULTS: readonly Fault[] = [
  [
    'receiver killed',
    async (stage) => {
      await stage.serve.kill()
      stage.serve = await stage.start.serve()
    },
  ],
  [
    'worker killed',
    async ({ workers, random, start }) => {
      const index = random.upTo(workers.length)
      await workers[index]?.kill()
      workers[index] = await start.work()
    },
  ],
  [
    'worker stopped by SIGTERM',
    async ({ workers, random, start }) => {
      const index = random.upTo(workers.length)
      assert.equal(await workers[index]?.stop(), 0)
      workers[index] = await start.work()
    },
  ],
  ['worker frozen 15 s', async ({ workers, random }) => frozen(random.pick(workers), 15_000)],
  ['receiver frozen 5 s', async ({ serve }) => frozen(serve, 5_000)],
  [
    'Redis frozen 6 s',
    async ({ redis }) => {
      redis.freeze()
      await sleep(6_000)
      redis.thaw()
    },
  ],
  ['Redis killed', async ({ redis }) => redis.restart()],
  ['FLUSHALL', async ({ redis }) => void (await redis.each((server) => server.flushall()))],
  [
    'Redis full 4 s',
    async ({ redis }) => {
      await redis.each((server) => server.config('SET', 'maxmemory', '1'))
      await sleep(4_000)
      await redis.each((server) => server.config('SET', 'maxmemory', '0'))
    },
  ],
  [
    'Git host down 5 s',
    async ({ host }) => {
      await host.goDown()
      await sleep(5_000)
      await host.comeUp()
    },
  ],
  [
    'Git host hangs 5 s',
    async ({ followers, random }) => {
      const { repository } = random.pick(followers)
      repository.setFault({ kind: 'hang' })
      await sleep(5_000)
      repository.setFault(null)
    },
  ],
]

async function frozen(program: Program, forMs: number): Promise<void> {
  program.freeze()
  await sleep(forMs)
  program.thaw()
}

/** One fault after another, a few seconds apart; the last one is over when it resolves. */
async function faultUntil(end: number, stage: Stage): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>()
  while (performance.now() < end) {
    await sleep(500 + stage.random.upTo(4_000))
    const [name, strike] = stage.random.pick(stage.cluster === undefined ? FAULTS : [...FAULTS, FAILOVER, FAILOVER])
    counts.set(name, (counts.get(name) ?? 0) + 1)
    await strike(stage)
  }
  return counts
}

async function get(connection: ClusterConnection, path: string): Promise<Json | undefined> {
  const { status, text } = await connection.request({ method: 'GET', path, signal: AbortSignal.timeout(20_000) })
  return status === 200 ? parseJson(text) : undefined
}

async function versionOf(connection: ClusterConnection, name: string): Promise<number> {
  return versionIn(await get(connection, `/api/v1/namespaces/${name}/configmaps/state`))
}

function versionIn(object: Json | undefined): number {
  const data = isJsonObject(object) ? object['data'] : undefined
  return isJsonObject(data) ? Number(data['version']) : -1
}

/** The names of what carries gitwake's label in a namespace, sorted. */
async function namesOf(connection: ClusterConnection, namespace: string): Promise<readonly string[]> {
  const list = await get(connection, `/api/v1/namespaces/${namespace}/configmaps`)
  const items = isJsonObject(list) && Array.isArray(list['items']) ? list['items'] : []
  return items
    .flatMap((item) =>
      isJsonObject(item) && isJsonObject(item['metadata']) && isJsonObject(item['data']) && item['data']['of']
        ? [String(item['metadata']['name'])]
        : [],
    )
    .toSorted()
}

/** Every state of every ConfigMap named state, in the API server's own order. */
async function followObjects(connection: ClusterConnection, followers: readonly Follower[], signal: AbortSignal): Promise<void> {
  const query = { watch: 'true', fieldSelector: 'metadata.name=state', timeoutSeconds: '7200' }
  const stream = await connection.stream({ path: '/api/v1/configmaps', query, signal })
  let rest = ''
  try {
    for await (const piece of stream.body) {
      const lines = (rest + String(piece)).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) note(parseJson(line), followers)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

function note(event: Json | undefined, followers: readonly Follower[]): void {
  const object = isJsonObject(event) ? event['object'] : undefined
  const metadata = isJsonObject(object) ? object['metadata'] : undefined
  if (!isJsonObject(metadata)) return
  followers.find(({ name }) => name === metadata['namespace'])?.seen.push(versionIn(object))
}
