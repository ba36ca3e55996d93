import type { createBullBoard } from '@bull-board/api'
import type { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import type { Express, RequestHandler, Response } from 'express'
import { refuse } from './refusal.ts'
import { isSafe } from './same-origin.ts'

/** One queue to show: BullMQ's, opened by whoever knows BullMQ. */
export interface ShownQueue {
  readonly cluster: string
  readonly queue: ConstructorParameters<typeof BullMQAdapter>[0]
}

type ServerAdapter = Parameters<typeof createBullBoard>[0]['serverAdapter']

interface Board {
  readonly handler: Express
  show(queues: readonly ShownQueue[]): void
}

/** Where the pages of the queue UI live. */
export const QUEUES_PATH = '/queues'

/** bull-board sets style attributes and mounts inline styles; its scripts are files of ours. */
const BOARD_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Nothing that tells about the Redis server or costs a CLIENT LIST at every poll. */
const UI = {
  boardTitle: 'gitwake queues',
  hideDocsLink: true,
  hideRedisDetails: true,
  showWorkers: false,
}

/**
 * The job-queue UI, to be mounted at QUEUES_PATH behind the API token. It can add, retry and destroy jobs, so whoever is not an
 * operator only looks. bull-board is loaded with the first request: most processes never show it. `queues` is asked each time,
 * because clusters come and go with the configuration.
 */
export function createQueueUi(options: {
  queues: () => readonly ShownQueue[]
  operator: boolean
  /** Nothing else is at its address. */
  alone?: boolean
}): RequestHandler {
  let board: Promise<Board> | undefined

  return async (request, response, next) => {
    if (!options.operator && !isSafe(request.method)) {
      const fix = 'Set GITWAKE_QUEUES_OPERATOR=true where operators may change jobs by hand; to sync an application, POST to its /sync.'
      return refuse(request, response, 403, { code: 'read-only', message: 'The queues are shown read-only.', fix })
    }
    // Without the slash, the relative addresses of its page would point beside it.
    if (request.originalUrl.split('?')[0] === QUEUES_PATH) return response.redirect(`${QUEUES_PATH}/`)
    board ??= createBoard(options)
    const { handler, show } = await board
    show(options.queues())
    response.set('Content-Security-Policy', BOARD_POLICY)
    keepLocal(response)
    handler(request, response, next)
  }
}

async function createBoard({ operator, alone = false }: { operator: boolean; alone?: boolean }): Promise<Board> {
  const [{ createBullBoard }, { BullMQAdapter }, { ExpressAdapter }] = await Promise.all([
    import('@bull-board/api'),
    import('@bull-board/api/bullMQAdapter'),
    import('@bull-board/express'),
  ])
  const uiConfig = { ...UI, miscLinks: alone ? [] : [{ text: 'Status page', url: '/' }] }
  const serverAdapter = new ExpressAdapter().setBasePath(QUEUES_PATH)
  const { setQueues } = createBullBoard({ queues: [], serverAdapter: sameShape(serverAdapter), options: { uiConfig } })
  let shown: readonly ShownQueue[] = []

  return {
    handler: serverAdapter.getRouter(),
    show(queues) {
      if (queues.length === shown.length && queues.every(({ queue }, index) => queue === shown[index]?.queue)) return
      shown = [...queues]
      setQueues(
        shown.map(({ cluster, queue }) => {
          // Every cluster's queue has the same name, and bull-board knows queues by prefix and name.
          const naming = { prefix: `${cluster}-`, displayName: cluster, description: `Syncs, polls and sweeps of cluster ${cluster}` }
          return new BullMQAdapter(queue, { readOnlyMode: !operator, allowRetries: operator, ...naming })
        }),
      )
    },
  }
}

/** The adapter is built against a copy of the API of its own, released apart: the same shape, but another type to the compiler. */
function sameShape(adapter: object): ServerAdapter {
  return adapter as ServerAdapter
}

/** The page links fonts of another site; the system's fonts do as well, and nobody else need know who looks. */
function keepLocal(response: Response): void {
  const send = response.send.bind(response)
  response.send = (body) => send(typeof body === 'string' ? body.replace(/<link href="https:[^>]*>/g, '') : body)
}
