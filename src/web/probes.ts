import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Log } from '../model/log.ts'
import { type Checks, inTime } from './checks.ts'
import { type Address, listenOn } from './listen.ts'

export interface ProbeOptions extends Address {
  /** Whether a restart would help. */
  readonly liveness: Checks
  /** Whether work is done as it should be. */
  readonly readiness: Checks
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>
  readonly log: Log
}

export interface Probes {
  readonly url: string
  close(): Promise<void>
}

/**
 * `/healthz`, `/readyz` and `/metrics` of a process that serves nothing else: for kubelets and Prometheus, open to whoever reaches it.
 * Throws GitwakeError `cannot-listen`.
 */
export async function startProbes(options: ProbeOptions): Promise<Probes> {
  const server = createServer(
    { headersTimeout: 5_000, requestTimeout: 10_000, connectionsCheckingInterval: 2_000 },
    (request, response) => {
      answer(options, request, response).catch((error: unknown) => {
        options.log.error({ err: error }, 'a probe could not be answered')
        response.destroy()
      })
    },
  )
  server.maxConnections = 100
  const { url } = await listenOn(server, options, 'GITWAKE_PROBE_PORT')
  server.on('error', (error) => options.log.error({ err: error }, 'the probes reported an error'))
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer({ liveness, readiness, metrics }: ProbeOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '').replace(/\?.*$/s, '')
  if (request.method !== 'GET' && request.method !== 'HEAD') return void response.writeHead(405, { Allow: 'GET, HEAD' }).end()
  if (path === '/metrics') {
    const { contentType, body } = await metrics()
    return void response.writeHead(200, { 'Content-Type': contentType }).end(body)
  }
  const checks = path === '/healthz' ? liveness : path === '/readyz' ? readiness : undefined
  if (checks === undefined) return void response.writeHead(404).end()
  const results = await inTime(checks)
  response.writeHead(results.ready ? 200 : 503, { 'Content-Type': 'application/json' }).end(JSON.stringify(results))
}
