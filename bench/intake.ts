import { spawn } from 'node:child_process'
import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import autocannon from 'autocannon'
import { checkoutRoot } from '../test/support/checkout.ts'
import { randomFreePort } from '../test/support/free-port.ts'
import { startRedisServer } from '../test/support/redis-server.ts'
import { createTempFolder } from '../test/support/temp-folder.ts'
import { residentMiB, watchResident } from './memory.ts'
import type { Row } from './row.ts'

const SECONDS = 10
const CONNECTIONS = 32

/** Signed pushes of 6 KB into the `serve` role with a durable Redis, beside a bare listener in this process. */
export async function benchIntake(): Promise<Row[]> {
  const bare = await bareListener()
  const redis = await startRedisServer({ appendOnly: true })
  const folder = await createTempFolder('gitwake-bench-')
  const port = await randomFreePort()
  const secret = randomBytes(16).toString('hex')
  await writeFile(`${folder.path}/gitwake.yaml`, CONFIGURATION)
  const server = spawn(process.execPath, ['--max-semi-space-size=8', `${checkoutRoot}/dist/src/main.js`, 'serve'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: String(port),
      REDIS_URL: redis.url,
      GITWAKE_CONFIG: `${folder.path}/gitwake.yaml`,
      GITHUB_WEBHOOK_SECRET: secret,
      GITWAKE_RATE_LIMIT: 'off',
      LOG_LEVEL: 'error',
    },
  })
  try {
    await untilReady(`http://127.0.0.1:${port}/readyz`)
    await new Promise((resolve) => setTimeout(resolve, 2_000)) // what the start left behind is collected
    const idle = await residentMiB(server.pid ?? 0)
    const memory = watchResident(server.pid ?? 0)
    const body = payload()
    const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
    const run = await autocannon({
      url: `http://127.0.0.1:${port}/hooks/github`,
      connections: CONNECTIONS,
      duration: SECONDS,
      requests: [
        {
          method: 'POST',
          body,
          setupRequest: (request) => ({
            ...request,
            headers: {
              'content-type': 'application/json',
              'x-github-event': 'push',
              'x-github-delivery': randomUUID(),
              'x-hub-signature-256': signature,
            },
          }),
        },
      ],
    })
    if (run.non2xx > 0) throw new Error(`${run.non2xx} deliveries were not accepted`)
    return [
      { name: 'intake', what: 'a bare listener that answers 202', value: bare, unit: 'per second' },
      {
        name: 'intake',
        what: 'signed 6 KB pushes, durable in Redis (AOF everysec)',
        value: run.requests.average,
        unit: 'per second',
        ratio: run.requests.average / bare,
      },
      { name: 'intake', what: 'the same, p99', value: run.latency.p99, unit: 'ms' },
      { name: 'intake', what: 'resident memory of gitwake serve, idle', value: idle, unit: 'MiB' },
      { name: 'intake', what: 'the same, the most under this load', value: await memory.stop(), unit: 'MiB' },
    ]
  } finally {
    server.kill('SIGKILL')
    await redis.stop()
    await folder.remove()
  }
}

async function bareListener(): Promise<number> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(202).end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const run = await autocannon({ url: `http://127.0.0.1:${port}/`, connections: CONNECTIONS, duration: 5, method: 'POST', body: payload() })
  server.closeAllConnections()
  server.close()
  return run.requests.average
}

async function untilReady(url: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const answer = await fetch(url).catch(() => undefined)
    if (answer?.ok === true) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${url} did not become ready`)
}

function payload(): string {
  const repository = { full_name: 'acme/shop', clone_url: 'https://github.com/acme/shop.git', html_url: 'https://github.com/acme/shop' }
  const commit = { id: 'a'.repeat(40), message: 'x'.repeat(5_000), added: [], modified: ['app/a.yaml'], removed: [] }
  const refs = { ref: 'refs/heads/main', before: 'b'.repeat(40), after: 'a'.repeat(40), created: false, deleted: false, forced: false }
  return JSON.stringify({ ...refs, repository, pusher: { name: 'bench' }, commits: [commit], head_commit: commit })
}

const CONFIGURATION = `
apiVersion: gitwake.dev/v1
kind: Repository
metadata: {name: shop}
spec: {url: https://github.com/acme/shop.git}
---
apiVersion: gitwake.dev/v1
kind: Cluster
metadata: {name: prod}
spec: {kubeconfigFrom: {file: /nowhere}}
---
apiVersion: gitwake.dev/v1
kind: Application
metadata: {name: shop-prod}
spec:
  source: {repository: shop, ref: main, path: app}
  destination: {cluster: prod, namespace: shop}
`
