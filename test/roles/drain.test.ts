import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startTestRedis } from '../queue/redis.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const CONFIGURATION = `
{apiVersion: gitwake.dev/v1, kind: Repository, metadata: {name: shop}, spec: {url: 'file:///nowhere/shop.git', allowInsecure: true}}
---
{apiVersion: gitwake.dev/v1, kind: Cluster, metadata: {name: prod}, spec: {kubeconfigFrom: {file: /nowhere/kubeconfig}}}
---
apiVersion: gitwake.dev/v1
kind: Application
metadata: {name: shop-prod}
spec: {source: {repository: shop, ref: main}, destination: {cluster: prod, namespace: shop}}
`

test('a worker that drains waits for Redis, runs what is wanted and exits 0, also where a sync is tried again later', async () => {
  const redis = await startTestRedis()
  const folder = await createTempFolder('gitwake-drain-')
  try {
    const path = join(folder.path, 'gitwake.yaml')
    await writeFile(path, CONFIGURATION)
    const main = fileURLToPath(new URL('../../src/main.js', import.meta.url))
    const environment = { GITWAKE_CONFIG: path, REDIS_URL: redis.url, GITWAKE_CACHE_DIR: folder.path, LOG_FORMAT: 'json' }
    const { code, output } = await run([main, 'work', '--drain'], environment)
    assert.equal(code, 0, output)
    assert.match(output, /kubeconfig.*cannot be read.*"application":"shop-prod"|"application":"shop-prod".*kubeconfig.*cannot be read/)
  } finally {
    await redis.close()
    await folder.remove()
  }
})

async function run(parameters: readonly string[], environment: Record<string, string>): Promise<{ code: unknown; output: string }> {
  const { promise, resolve } = Promise.withResolvers<{ code: unknown; output: string }>()
  execFile(process.execPath, parameters, { env: environment, timeout: 60_000 }, (error, stdout, stderr) => {
    resolve({ code: error === null ? 0 : error.code, output: stdout + stderr })
  })
  return promise
}
