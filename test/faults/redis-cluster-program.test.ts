import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { check, decodeEntry, type Verdict } from '../../src/model/audit.ts'
import { clusterKeys, receiverKeys } from '../../src/model/keys.ts'
import { until } from '../queue/until.ts'
import { connectTo } from '../support/connect.ts'
import { startGitServer } from '../support/git-server.ts'
import { startProgram } from '../support/program.ts'
import { startRedisCluster } from '../support/redis-cluster.ts'
import { openControlPlane } from '../support/shared-control-plane.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { githubHeaders, githubPush } from '../webhook/support.ts'

const SECRET = 'a-secret-of-the-forge'
const TOKEN = 'a-token-of-the-api'

test('on a Redis Cluster a push is synced, recorded, planned for and told by serve and work as processes of their own, before and after failovers', async () => {
  await using stack = new AsyncDisposableStack()
  const plane = await openControlPlane()
  stack.defer(() => plane.close())
  const host = await startGitServer()
  stack.defer(() => host.stop())
  const redis = await startRedisCluster({ replicas: true })
  stack.defer(() => redis.stop())
  const folder = await createTempFolder('gitwake-redis-cluster-')
  stack.defer(() => folder.remove())
  const connection = await connectTo(plane.kubeconfig, 'redis-cluster')
  stack.defer(() => connection.close())

  const name = `rc-${randomUUID().slice(0, 8)}`
  const cluster = `c-${name}`
  const files = (version: number) => ({
    'state.json': JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'state' }, data: { version: String(version) } }),
  })
  const repository = await host.createRepository(name, files(0))
  const documents = [
    ['Cluster', cluster, { kubeconfigFrom: { file: plane.kubeconfig }, sweepInterval: '10s' }],
    ['Repository', name, { url: repository.url, allowInsecure: true, pollInterval: '10s' }],
    ['Application', name, { source: { repository: name, ref: 'main' }, destination: { cluster, namespace: name } }],
  ] as const
  const configuration = join(folder.path, 'gitwake.yaml')
  const text = documents.map(([kind, of, spec]) => JSON.stringify({ apiVersion: 'gitwake.dev/v1', kind, metadata: { name: of }, spec }))
  await writeFile(configuration, text.join('\n---\n'))
  const environment = {
    GITWAKE_CONFIG: configuration,
    GITWAKE_CACHE_DIR: join(folder.path, 'cache'),
    REDIS_URL: redis.url,
    GITHUB_WEBHOOK_SECRET: SECRET,
    GITWAKE_API_TOKEN: TOKEN,
  }
  const serve = await startProgram(['serve'], environment)
  stack.defer(() => serve.kill())
  const work = await startProgram(['work'], environment)
  stack.defer(() => work.kill())
  const ask = async (path: string) => fetch(`${serve.url}${path}`, { headers: { authorization: `Bearer ${TOKEN}` } })
  const told = async (path: string): Promise<Record<string, unknown>> => {
    const answer = await ask(path)
    return answer.ok ? ((await answer.json()) as Record<string, unknown>) : {}
  }

  let pushes = 0
  const push = async (): Promise<void> => {
    pushes += 1
    const after = await repository.commit(files(pushes), { message: `version ${pushes}` })
    const body = JSON.stringify(githubPush({ after, repository: { clone_url: repository.url, html_url: repository.url } }))
    const id = `${name}-${pushes}`
    const headers = githubHeaders(body, SECRET, id)
    const deliver = () => fetch(`${serve.url}/hooks/github`, { method: 'POST', headers, body })
    await until(async () => (await deliver()).ok)
    const state = async () => JSON.stringify((await told(`/api/deliveries/${id}`))['outcomes'])
    await until(async () => /"state":"(synced|superseded|not affected)"/.test(await state())).catch(async () =>
      assert.fail(`${await state()}\n${serve.output().slice(-3000)}\n${work.output().slice(-3000)}`),
    )
    const path = `/api/v1/namespaces/${name}/configmaps/state`
    const live = await connection.request({ method: 'GET', path, signal: AbortSignal.timeout(20_000) })
    assert.match(live.text, new RegExp(`"version":"${pushes}"`))
    await until(async () => JSON.stringify(await told(`/api/commits/${after}`)).includes('"state":"synced"'))
    await until(async () => (await told(`/api/applications/${name}`))['sync'] === 'synced')
  }

  await push()
  const planned = await ask(`/api/applications/${name}/plan?wait=60s`)
  assert.equal(planned.status, 200)
  assert.match(await planned.text(), /"changes"/)

  for (const key of [clusterKeys(cluster).status, receiverKeys.cursors]) {
    const master = await redis.ownerOf(key)
    await master.kill()
    await until(async () => (await redis.ownerOf(key)).port !== master.port)
    await push()
    await master.restart()
    await redis.whole()
  }
  await push()

  const lines = (await (await ask('/api/audit')).text()).trim().split('\n')
  const entries = lines.flatMap((line) => decodeEntry(line) ?? [])
  const verdict = entries.reduce<Verdict>((before, entry) => check(before, entry), { entries: 0, gaps: [] })
  const actions = entries.map(({ action, detail }) => `${action} ${action === 'chain started' ? JSON.stringify(detail) : ''}`)
  assert.ok(entries.filter(({ action }) => action === 'sync').length >= pushes, actions.join('\n'))
  assert.deepEqual([verdict.broken, verdict.last?.seq], [undefined, entries.at(-1)?.seq])
  assert.deepEqual([await serve.stop(), await work.stop()], [0, 0])
})
