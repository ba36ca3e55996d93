import type { Lease } from '../sync/ports.ts'

/** More than keep an API server busy gain nothing: each of them only holds its Lease longer, and has to renew it. */
const MOST = 16
/** Who has sent nothing for so long waits for something else than the API server (a wave, a hook), and is in nobody's way. */
const RESTS_AFTER_MS = 2_000
/** So long a sync waits at most behind others: 16 large ones must not keep a small one from its turn for minutes. */
const PATIENCE_MS = 5_000
const LOOK_EVERY_MS = 100

interface Writer {
  readonly application: string
  usedAt: number
}

interface Waiting {
  readonly application: string
  readonly since: number
  readonly grant: (writer: Writer) => void
}

/** The syncs of this process that write to one cluster. */
export interface Writers {
  /** Is the application being written by this process? */
  has(application: string): boolean
  /** Takes a Lease when it is the sync's turn: first come, first served. Rejects with the signal's reason, or as `acquire` does. */
  take(application: string, signal: AbortSignal, acquire: () => Promise<Lease>): Promise<Lease>
}

/** `now`: milliseconds of a clock that never goes back. */
export function createWriters(now: () => number = () => performance.now()): Writers {
  const writers = new Set<Writer>()
  const line = new Set<Waiting>()
  let timer: NodeJS.Timeout | undefined

  function isFree(): boolean {
    let busy = 0
    for (const { usedAt } of writers) if (now() - usedAt < RESTS_AFTER_MS) busy += 1
    return busy < MOST
  }

  function admit(application: string): Writer {
    const writer = { application, usedAt: now() }
    writers.add(writer)
    return writer
  }

  function look(): void {
    for (const waiting of line) {
      if (!isFree() && now() - waiting.since < PATIENCE_MS) break
      line.delete(waiting)
      waiting.grant(admit(waiting.application))
    }
    if (line.size > 0) timer ??= setInterval(look, LOOK_EVERY_MS)
    else {
      clearInterval(timer)
      timer = undefined
    }
  }

  function leave(writer: Writer): void {
    writers.delete(writer)
    look()
  }

  async function turn(application: string, signal: AbortSignal): Promise<Writer> {
    signal.throwIfAborted()
    if (line.size === 0 && isFree()) return admit(application)
    return await new Promise((resolve, reject) => {
      const end = (): void => {
        line.delete(waiting)
        look()
        reject(signal.reason as Error)
      }
      const grant = (writer: Writer): void => {
        signal.removeEventListener('abort', end)
        resolve(writer)
      }
      const waiting = { application, since: now(), grant }
      signal.addEventListener('abort', end, { once: true })
      line.add(waiting)
      look()
    })
  }

  return {
    has: (application) => [...writers].some((writer) => writer.application === application),
    async take(application, signal, acquire) {
      const writer = await turn(application, signal)
      try {
        const lease = await acquire()
        return {
          guard() {
            writer.usedAt = now()
            lease.guard()
          },
          release: () => lease.release().finally(() => leave(writer)),
        }
      } catch (error) {
        leave(writer)
        throw error
      }
    },
  }
}
