import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createApplication, type WebParts } from './application.ts'
import { type Address, listenOn, type ListenVariable } from './listen.ts'
import { createQueueApplication, type QueueParts } from './queue-application.ts'

export type { WebParts } from './application.ts'

interface ListenOptions extends Address {
  /** How long `close` lets requests finish. */
  readonly graceMs?: number
}

export interface WebServerOptions extends WebParts, ListenOptions {
  /** Answers everything below `/hooks`, without passing through express: the hot path. */
  readonly receiver: (request: IncomingMessage, response: ServerResponse) => unknown
}

export interface WebServer {
  /** Throws GitwakeError `cannot-listen` where the address cannot be had. */
  listen(): Promise<{ readonly url: string; readonly port: number }>
  /** Stops accepting, ends events and waits, lets the rest finish in time, then cuts it. */
  close(): Promise<void>
}

/** Slow and endless requests end by themselves; behind a load balancer (60 s) a connection must not be cut first by us. */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16_384,
}
const MOST_CONNECTIONS = 10_000
const MOST_HEADERS = 100

/** The HTTP server of the `serve` role: webhooks, API, pages, metrics. */
export function createWebServer(options: WebServerOptions): WebServer {
  const closing = new AbortController()
  const application = createApplication(options, closing.signal)
  return serve({ ...options, variable: 'PORT' }, closing, (request, response) => {
    if (isHook(request.url ?? '')) void receive(options, request, response)
    else application(request, response)
  })
}

/** The HTTP server of the queue UI, where that is not to be reached from where webhooks and pages are. */
export function createQueueServer(options: QueueParts & ListenOptions): WebServer {
  return serve({ ...options, variable: 'GITWAKE_QUEUES_PORT' }, new AbortController(), createQueueApplication(options))
}

function serve(
  options: ListenOptions & Pick<WebParts, 'log'> & { readonly variable: ListenVariable },
  closing: AbortController,
  handle: RequestListener,
): WebServer {
  const server = createServer(LIMITS, (request, response) => {
    if (closing.signal.aborted) response.setHeader('Connection', 'close')
    handle(request, response)
  })
  server.maxConnections = MOST_CONNECTIONS
  server.maxHeadersCount = MOST_HEADERS

  return {
    async listen() {
      const address = await listenOn(server, options, options.variable)
      server.on('error', (error) => options.log.error({ err: error }, 'the HTTP server reported an error'))
      return address
    },
    async close() {
      if (!server.listening) return
      const { promise, resolve } = Promise.withResolvers<void>()
      server.close(() => resolve())
      closing.abort()
      // Node closes the connections that are idle now; those that finish their last request later, nobody else does.
      const sweep = setInterval(() => server.closeIdleConnections(), 50)
      const cut = setTimeout(() => server.closeAllConnections(), options.graceMs ?? 10_000)
      await promise
      clearInterval(sweep)
      clearTimeout(cut)
    },
  }
}

const RECEIVER_FAILED = { code: 'internal', message: 'gitwake failed to take this delivery.', fix: 'Deliver it again.' }

function isHook(url: string): boolean {
  return url === '/hooks' || url.startsWith('/hooks/') || url.startsWith('/hooks?')
}

async function receive({ receiver, metrics, log }: WebServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.once('finish', () => metrics.requestFinished('/hooks', request.method ?? '', response.statusCode))
  try {
    await receiver(request, response)
  } catch (error) {
    log.error({ err: error }, 'the receiver failed')
    if (response.headersSent) response.destroy()
    else response.writeHead(500, { 'Content-Type': 'application/json' }).end(JSON.stringify({ error: RECEIVER_FAILED }))
  }
}
