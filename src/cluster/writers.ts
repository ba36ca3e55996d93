import type { Lease } from '../sync/ports.ts'

/** The applications that this process writes to one cluster. */
export interface Writers {
  has(application: string): boolean
  /** Takes a Lease by `acquire`, and counts the application from before that until it was given back. Rejects as `acquire` does. */
  take(application: string, acquire: () => Promise<Lease>): Promise<Lease>
}

export function createWriters(): Writers {
  /** How often each: a run that ends late must not hide the next one. */
  const counts = new Map<string, number>()

  function add(application: string, step: 1 | -1): void {
    const count = (counts.get(application) ?? 0) + step
    if (count > 0) counts.set(application, count)
    else counts.delete(application)
  }

  return {
    has: (application) => counts.has(application),
    async take(application, acquire) {
      add(application, 1)
      try {
        const lease = await acquire()
        return { guard: () => lease.guard(), release: () => lease.release().finally(() => add(application, -1)) }
      } catch (error) {
        add(application, -1)
        throw error
      }
    },
  }
}
