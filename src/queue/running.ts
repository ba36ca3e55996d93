import { linkSignals, type LinkedSignal } from '../model/abort.ts'

/** The syncs that this process runs: one per application at a time, each with a signal of its own. */
export interface Running {
  /** Waits for an earlier run of the same application in this process, then runs. The signal ends with `stop` or when the job is lost. */
  run<Value>(id: string, application: string, stop: AbortSignal, work: (signal: AbortSignal) => Promise<Value>): Promise<Value>
  /** The queue has given this job to somebody else (its lock expired): stop it. */
  lose(id: string): void
}

/**
 * BullMQ promises one active job per application, except that a lock may expire under a blocked process or a flushed Redis: then the next
 * run waits here for the end of the one that lost it, and the Lease in the cluster guards against other processes.
 */
export function createRunning(): Running {
  const latest = new Map<string, Promise<unknown>>()
  const links = new Map<string, LinkedSignal>()
  return {
    run: async (id, application, stop, work) => {
      const link = linkSignals(stop)
      links.set(id, link)
      const before = latest.get(application) ?? Promise.resolve()
      const mine = before.then(async () => work(link.signal))
      const settled = mine.catch(() => undefined)
      latest.set(application, settled)
      try {
        return await mine
      } finally {
        link.release()
        if (links.get(id) === link) links.delete(id)
        if (latest.get(application) === settled) latest.delete(application)
      }
    },
    lose: (id) => links.get(id)?.abort(new DOMException('Another worker has taken this job over', 'AbortError')),
  }
}
