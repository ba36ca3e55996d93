import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startTestRedis } from '../queue/redis.ts'
import { startProgram } from '../support/program.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { attack, SECRETS } from './hostile.ts'

const MEBIBYTE = 1024 * 1024

const CONFIGURATION = `
{apiVersion: gitwake.dev/v1, kind: Repository, metadata: {name: shop}, spec: {url: 'https://github.com/acme/shop.git'}}
---
{apiVersion: gitwake.dev/v1, kind: Cluster, metadata: {name: prod}, spec: {kubeconfigFrom: {file: /nowhere/kubeconfig}}}
---
apiVersion: gitwake.dev/v1
kind: Application
metadata: {name: shop-prod}
spec: {source: {repository: shop, ref: main}, destination: {cluster: prod, namespace: shop}}
`

/** The whole serve role as a process of its own under hostile requests; it must live on, ask for nothing and not grow. */
export async function holdAgainst({
  requests,
  seed,
  tell,
}: {
  requests: number
  seed: number
  tell: (line: string) => void
}): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const redis = await startTestRedis()
  stack.defer(() => redis.close())
  const folder = await createTempFolder('gitwake-fuzz-')
  stack.defer(() => folder.remove())
  const configuration = join(folder.path, 'gitwake.yaml')
  await writeFile(configuration, CONFIGURATION)
  const program = await startProgram(['serve'], {
    GITWAKE_CONFIG: configuration,
    REDIS_URL: redis.url,
    GITWAKE_API_TOKEN: SECRETS.token,
    GITHUB_WEBHOOK_SECRET: SECRETS.github,
    GITLAB_WEBHOOK_SECRET: SECRETS.gitlab,
    GITWAKE_RATE_LIMIT: 'off',
  })
  stack.defer(() => program.kill())
  const port = Number(new URL(program.url).port)

  // The first of them compile code and fill buffers, and V8 lets its heap grow (to some 100 MiB, reached after about 150,000) before it
  // looks at it as a whole. What grows after that goes on growing.
  const atStart = await program.residentBytes()
  const warmUp = await attack(port, { requests: Math.min(200_000, Math.round(requests / 4)), seed: seed - 10_000_000 })
  const before = await program.residentBytes()
  let most = before
  const began = performance.now()
  const { statuses, failures } = await attack(port, {
    requests: requests - warmUp.requests,
    seed,
    onBatch: async () => void (most = Math.max(most, await program.residentBytes())),
  })
  const seconds = (performance.now() - began) / 1000
  const counts = [...statuses].toSorted(([left], [right]) => left - right).map(([status, count]) => `${status || 'closed'}: ${count}`)
  tell(`${requests} hostile requests (seed ${seed}), ${Math.round((requests - warmUp.requests) / seconds)}/s: ${counts.join(', ')}`)
  const [idle, warm, high] = [atStart, before, most].map((bytes) => Math.round(bytes / MEBIBYTE))
  tell(`resident: ${idle} MiB before the first, ${warm} MiB after ${warmUp.requests}, at most ${high} MiB`)

  assert.deepEqual([...warmUp.failures, ...failures], [])
  assert.ok(program.isRunning(), program.output())
  assert.ok(most - before < 64 * MEBIBYTE, `grew by ${Math.round((most - before) / MEBIBYTE)} MiB`)
  assert.ok((statuses.get(401) ?? 0) > requests / 4, 'most are hostile enough to be refused at the door')
  assert.equal(statuses.get(202), undefined)
  const keys = await redis.client.keys('*')
  assert.deepEqual(
    keys.filter((key) => /:app:|:triggers:|:delivery:|:sync:(?:wait|prioritized|active|delayed)$/.test(key)),
    [],
    'nothing was asked for',
  )
  assert.equal((await fetch(`${program.url}/healthz`)).status, 200)
  assert.equal(await program.stop(), 0)
}
