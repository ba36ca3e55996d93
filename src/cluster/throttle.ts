import { setTimeout as delay } from 'node:timers/promises'

/** What a request tells the throttle once it was answered (or was not). Exactly one of these must be called. */
export interface Pass {
  /** The server took the request. */
  accepted(): void
  /** The server asked for a pause of so many milliseconds. */
  refused(pauseMs: number): void
  /** No answer: nothing is known. */
  abandoned(): void
}

/** One server's wish for quiet, shared by all requests to it. */
export interface Throttle {
  /**
   * Waits until a request may go out. While the server asks for quiet everybody waits, and when the pause is over a single
   * request goes first: the others follow only when that one was taken. So an overloaded server sees one try per Retry-After.
   * Resolves with undefined where that would take until after `deadline` (performance.now() milliseconds).
   */
  enter(deadline: number, signal: AbortSignal): Promise<Pass | undefined>
}

export function createThrottle(): Throttle {
  let closed = false
  let pausedUntil = 0
  let probe: PromiseWithResolvers<void> | undefined

  function endProbe(): void {
    probe?.resolve()
    probe = undefined
  }
  function refused(pauseMs: number): void {
    closed = true
    pausedUntil = Math.max(pausedUntil, performance.now() + pauseMs)
  }
  const ordinary: Pass = { accepted: () => undefined, refused, abandoned: () => undefined }
  const first: Pass = {
    accepted() {
      closed = false
      endProbe()
    },
    refused(pauseMs) {
      refused(pauseMs)
      endProbe()
    },
    abandoned: endProbe,
  }

  return {
    async enter(deadline, signal) {
      while (closed) {
        signal.throwIfAborted()
        const now = performance.now()
        if (now > deadline || pausedUntil > deadline) return undefined
        if (now < pausedUntil) {
          await abortable(delay(pausedUntil - now, undefined, { signal }), signal)
        } else if (probe === undefined) {
          probe = Promise.withResolvers()
          return first
        } else {
          await untilProbed(probe.promise, deadline - now, signal)
        }
      }
      return ordinary
    },
  }
}

/** A timer's AbortError says nothing; the reason of the signal does. */
async function abortable(wait: Promise<unknown>, signal: AbortSignal): Promise<void> {
  try {
    await wait
  } catch (error) {
    signal.throwIfAborted()
    throw error
  }
}

async function untilProbed(probed: Promise<void>, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const stop = new AbortController()
  const timer = delay(timeoutMs, undefined, {
    signal: AbortSignal.any([signal, stop.signal]),
  }).catch(() => undefined)
  await Promise.race([probed, timer])
  stop.abort()
  signal.throwIfAborted()
}

/** The pause that a Retry-After header (seconds or a date) asks for, in milliseconds; at least a quarter of a second. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined
  const pause = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isFinite(pause) ? Math.max(250, pause) : undefined
}
