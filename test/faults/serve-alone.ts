import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startTestRedis, type TestRedis } from '../queue/redis.ts'
import { startProgram, type Program } from '../support/program.ts'
import { createTempFolder } from '../support/temp-folder.ts'

/** One application, whose cluster nobody reaches. */
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

/** The serve role as a process of its own, with a real Redis and no worker; both end with the stack. */
export async function serveAlone(
  stack: AsyncDisposableStack,
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly redis: TestRedis; readonly program: Program }> {
  const redis = await startTestRedis()
  stack.defer(() => redis.close())
  const folder = await createTempFolder('gitwake-serve-')
  stack.defer(() => folder.remove())
  const configuration = join(folder.path, 'gitwake.yaml')
  await writeFile(configuration, CONFIGURATION)
  const program = await startProgram(['serve'], { GITWAKE_CONFIG: configuration, REDIS_URL: redis.url, ...environment })
  stack.defer(() => program.kill())
  return { redis, program }
}
