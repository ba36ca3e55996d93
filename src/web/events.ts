import { setTimeout as sleep } from 'node:timers/promises'
import type { RequestHandler, Response } from 'express'
import type { Ledger } from '../model/intake.ts'
import type { Log } from '../model/log.ts'
import { refuse } from './refusal.ts'
import type { ViewOf } from './view.ts'

const MOST_LISTENERS = 500
/** A name behind which one stands leaves room for the others; so does a token that many share. */
const MOST_OF_ONE = 20
const MOST_OF_SHARED = 250
/** Who listens comes through the door again by then: a logout or a token that was taken back ends what was opened before. */
const LIFETIME_MS = 5 * 60_000
const POLL_MS = 1_000
/** Proxies cut connections that are silent for a minute. */
const SIGN_OF_LIFE_MS = 20_000

export interface EventsOptions {
  readonly ledger: Ledger
  readonly closing: AbortSignal
  readonly log: Log
  readonly viewOf: ViewOf
  readonly lifetimeMs?: number | undefined
}

/**
 * Server-sent events: `ready` once connected, then `change` whenever a status is no longer what it was. They say only that
 * something changed; who listens asks again. The ledger is read once a second for everybody together, and only while
 * somebody listens. A stream ends after `lifetimeMs`; browsers open the next one by themselves.
 */
export function createEvents(options: EventsOptions): RequestHandler {
  const { lifetimeMs = LIFETIME_MS, viewOf } = options
  /** With the name of who listens. */
  const listeners = new Map<Response, string>()
  let watching = false

  const tell = (text: string): void => {
    for (const listener of listeners.keys()) listener.write(text)
  }

  const watch = async (): Promise<void> => {
    let last: string | undefined
    let toldAt = performance.now()
    while (listeners.size > 0 && !options.closing.aborted) {
      const startedAt = performance.now()
      const current = await digest(options)
      const changed = last !== undefined && current !== last
      last = current
      if (changed || startedAt - toldAt > SIGN_OF_LIFE_MS) {
        tell(changed ? 'event: change\ndata: {}\n\n' : ': still here\n\n')
        toldAt = startedAt
      }
      // A ledger so large that reading it takes long is read more rarely: at most a tenth of the time.
      await sleep(Math.max(POLL_MS, 10 * (performance.now() - startedAt)), undefined, { ref: false })
    }
    watching = false
  }

  options.closing.addEventListener('abort', () => {
    for (const listener of listeners.keys()) listener.end()
  })

  return (request, response) => {
    const { name, shared } = viewOf(request).principal
    const others = [...listeners.values()].filter((other) => other === name).length
    if (listeners.size >= MOST_LISTENERS || others >= (shared ? MOST_OF_SHARED : MOST_OF_ONE) || options.closing.aborted) {
      response.set('Retry-After', '30')
      const fix = 'Poll GET /api/applications instead.'
      return refuse(request, response, 503, { code: 'too-many-listeners', message: 'Too many clients listen to events.', fix })
    }
    response.set({ 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' })
    response.flushHeaders()
    response.write('retry: 3000\nevent: ready\ndata: {}\n\n')
    listeners.set(response, name)
    const end = setTimeout(() => response.end(), lifetimeMs)
    response.once('close', () => {
      clearTimeout(end)
      listeners.delete(response)
    })
    if (watching) return
    watching = true
    void watch()
  }
}

/** Everything that a page could show, as one text; '' while the ledger cannot be read, which is a change too. */
async function digest({ ledger, log }: Pick<EventsOptions, 'ledger' | 'log'>): Promise<string> {
  try {
    return JSON.stringify(await ledger.statuses())
  } catch (error) {
    log.debug({ err: error }, 'the ledger could not be read for the events')
    return ''
  }
}
