import { execFile, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { checkoutRoot } from '../test/support/checkout.ts'
import { randomFreePort } from '../test/support/free-port.ts'
import { spawnOwned } from '../test/support/owned-process.ts'
import { startRedisServer } from '../test/support/redis-server.ts'
import { createTempFolder } from '../test/support/temp-folder.ts'
import { lineChart } from './line-chart.ts'
import { residentMiB, watchResident } from './memory.ts'
import type { Row } from './row.ts'

const run = promisify(execFile)
const CONNECTIONS = 32
// As the image starts it.
const NODE_OPTIONS = ['--max-semi-space-size=4']
const secret = randomBytes(16).toString('hex')

/** Signed pushes of 6 KB, durable in Redis (AOF everysec): into `gitwake serve`, and before that into a bare listener. A `picture` shows them second by second. */
export async function benchIntake({ quick, picture }: { readonly quick: boolean; readonly picture: string | undefined }): Promise<Row[]> {
  const seconds = quick ? 5 : 30
  const folder = await createTempFolder('gitwake-bench-')
  try {
    const configuration = `${folder.path}/gitwake.yaml`
    await writeFile(configuration, CONFIGURATION)
    const raw = await measure(seconds, (redisUrl, port) => listenBare(redisUrl, port, configuration))
    const own = await measure(seconds, (redisUrl, port) => serve(redisUrl, port, configuration))
    if (picture !== undefined) await writeFile(picture, draw(raw, own))
    const row = (what: string, value: number, unit: Row['unit'], ratio?: number): Row => ({
      name: 'intake',
      what,
      value,
      unit,
      ...(ratio !== undefined && { ratio }),
    })
    return [
      row('a bare listener: body, one HMAC, the same Redis scripts', raw.perSecond, 'per second'),
      row('the same, p99', raw.p99Ms, 'ms'),
      row(`signed 6 KB pushes for ${seconds} s, durable in Redis`, own.perSecond, 'per second', own.perSecond / raw.perSecond),
      row('the same, p99', own.p99Ms, 'ms'),
      row('resident memory of gitwake serve, idle', own.idleMiB, 'MiB'),
      row('the same, the most under this load', own.mostMiB, 'MiB'),
    ]
  } finally {
    await folder.remove()
  }
}

interface Measured {
  readonly perSecond: number
  readonly p99Ms: number
  /** Answers per second, second by second. */
  readonly rates: readonly number[]
  readonly idleMiB: number
  readonly mostMiB: number
}

/** Starts a listener with a Redis of its own and sends it pushes from another process. */
async function measure(seconds: number, start: (redisUrl: string, port: number) => ChildProcess): Promise<Measured> {
  const redis = await startRedisServer({ appendOnly: true })
  const port = await randomFreePort()
  const server = start(redis.url, port)
  const pid = server.pid ?? 0
  try {
    await untilItListens(`http://127.0.0.1:${port}/readyz`)
    await new Promise((resolve) => setTimeout(resolve, 2_000)) // what the start left behind is collected
    const idleMiB = await residentMiB(pid)
    const memory = watchResident(pid)
    const load = `${checkoutRoot}/dist/bench/intake-load.js`
    const { stdout } = await run(process.execPath, [load, String(port), secret, String(CONNECTIONS), String(seconds)])
    const mostMiB = await memory.stop()
    const { failed, ...seen } = JSON.parse(stdout) as Pick<Measured, 'perSecond' | 'p99Ms' | 'rates'> & { readonly failed: number }
    if (failed > 0) throw new Error(`${failed} deliveries were not accepted`)
    return { ...seen, idleMiB, mostMiB }
  } finally {
    server.kill('SIGKILL')
    await redis.stop()
  }
}

function draw(raw: Measured, own: Measured): string {
  const everyOther = ({ rates }: Measured): (readonly [number, number])[] =>
    rates.flatMap((rate, second) => (second % 2 === 0 ? [] : [[second + 1, (rate + (rates[second - 1] ?? 0)) / 2] as const]))
  return lineChart({
    title: 'Signed pushes of 6 KB taken in, durable in Redis',
    x: 'seconds',
    y: '/s',
    lines: [
      { name: 'bare listener', points: everyOther(raw) },
      { name: 'gitwake serve', points: everyOther(own) },
    ],
  })
}

function listenBare(redisUrl: string, port: number, configuration: string): ChildProcess {
  const raw = [...NODE_OPTIONS, `${checkoutRoot}/dist/bench/intake-raw.js`, String(port), secret, redisUrl, configuration]
  return spawnOwned(process.execPath, raw, { stdio: 'inherit' })
}

/** The role as it ships, but for the rate limit: all senders share one address here. */
function serve(redisUrl: string, port: number, configuration: string): ChildProcess {
  return spawnOwned(process.execPath, [...NODE_OPTIONS, `${checkoutRoot}/dist/src/main.js`, 'serve'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: String(port),
      REDIS_URL: redisUrl,
      GITWAKE_CONFIG: configuration,
      GITHUB_WEBHOOK_SECRET: secret,
      GITWAKE_RATE_LIMIT: 'off',
    },
  })
}

async function untilItListens(url: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    // The bare listener answers 401 to what is not signed: it listens.
    const answer = await fetch(url).catch(() => undefined)
    if (answer?.ok === true || answer?.status === 401) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${url} did not become ready`)
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
