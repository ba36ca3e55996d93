import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import request from 'supertest'
import type { DeliveryRecord } from '../../src/model/intake.ts'
import type { ApplicationStatus, SyncResult } from '../../src/model/result.ts'
import { until } from '../queue/until.ts'
import { startGitServer } from '../support/git-server.ts'
import { startProgram } from '../support/program.ts'
import { startRedisServer } from '../support/redis-server.ts'
import { openControlPlane } from '../support/shared-control-plane.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { githubHeaders, githubSecret } from '../webhook/support.ts'

const TOKEN = 'the-token-of-an-operator'
const NAMES = ['one', 'two', 'three']
const configMap = (x: number): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {x: "${x}"}\n`

function configurationOf(url: string, kubeconfig: string, suffix: string): string {
  const documents = [
    `kind: Repository\nmetadata: {name: fleet}\nspec: {url: "${url}", allowInsecure: true, pollInterval: 4m}`,
    `kind: Cluster\nmetadata: {name: test}\nspec: {kubeconfigFrom: {file: "${kubeconfig}"}, watch: false, sweepInterval: 10m}`,
    ...NAMES.map((name) => {
      const destination = `{cluster: test, namespace: ${name}-${suffix}}`
      return `kind: Application\nmetadata: {name: ${name}-${suffix}}\nspec: {source: {repository: fleet, ref: main, path: ${name}}, destination: ${destination}}`
    }),
  ]
  return documents.map((one) => `apiVersion: gitwake.dev/v1\n${one}\n`).join('---\n')
}

test('a push to a monorepo, told of by a signed webhook, syncs what it touches; the others are answered at the door', async (t) => {
  const suffix = randomUUID().slice(0, 8)
  const [plane, host, redis, folder] = await Promise.all([
    openControlPlane(),
    startGitServer(),
    startRedisServer(),
    createTempFolder('gitwake-monorepo-'),
  ])
  t.after(async () => Promise.all([host.stop(), redis.stop(), folder.remove()]))
  const repository = await host.createRepository('fleet', Object.fromEntries(NAMES.map((name) => [`${name}/cm.yaml`, configMap(1)])))
  const file = join(folder.path, 'gitwake.yaml')
  await writeFile(file, configurationOf(repository.url, plane.kubeconfig, suffix))
  const program = await startProgram(['start'], {
    GITWAKE_CONFIG: file,
    GITWAKE_CACHE_DIR: join(folder.path, 'cache'),
    GITWAKE_INVENTORY_NAMESPACE: `inventories-${suffix}`,
    REDIS_URL: redis.url,
    GITWAKE_API_TOKEN: TOKEN,
    GITHUB_WEBHOOK_SECRET: githubSecret,
  })
  t.after(() => program.kill())
  const get = async <Value>(path: string): Promise<Value> => {
    const { body } = await request(program.url).get(path).set('Authorization', `Bearer ${TOKEN}`)
    return body as Value
  }
  const status = (name: string) => get<ApplicationStatus>(`/api/applications/${name}-${suffix}`)
  const isSettled = ({ sync, wanted, done }: ApplicationStatus): boolean => sync === 'synced' && wanted === done
  await until(async () => (await Promise.all(NAMES.map(status))).every(isSettled), 120_000)

  const first = await repository.head()
  const second = await repository.commit({ 'one/cm.yaml': configMap(2), 'README.md': 'changed' })
  const body = JSON.stringify({
    ref: 'refs/heads/main',
    before: first,
    after: second,
    created: false,
    deleted: false,
    forced: false,
    repository: { clone_url: repository.url },
    commits: [{ id: second, added: ['README.md'], modified: ['one/cm.yaml'], removed: [] }],
    sender: { login: 'ada' },
  })
  const reply = await request(program.url)
    .post('/hooks/github')
    .set(githubHeaders(body, githubSecret, 'push-1'))
    .send(body)
  assert.equal(reply.status, 202, reply.text)
  assert.deepEqual(reply.body.notAffected, [`two-${suffix}`, `three-${suffix}`])

  const outcomes = async () =>
    (await get<DeliveryRecord>('/api/deliveries/push-1')).outcomes.map(({ state, revision }) => [state, revision])
  await until(async () => (await outcomes()).every(([state]) => state !== 'pending'), 60_000)
  assert.deepEqual(await outcomes(), [
    ['synced', second],
    ['not affected', second],
    ['not affected', second],
  ])
  // A first poll that comes late may have asked for syncs, too.
  const begun = program.output().match(/"application":"[^"]+","ticket":\d+,"reason":"push","msg":"sync starts"/g)
  assert.equal(begun?.length, 1, program.output())
  for (const name of NAMES) assert.equal((await status(name)).applied?.revision, second)
  const { results } = await get<{ readonly results: readonly SyncResult[] }>(`/api/applications/two-${suffix}/history`)
  const [newest] = results
  assert.equal(newest?.message, `nothing that two-${suffix} reads has changed`)
  assert.equal(await program.stop(), 0)
})
