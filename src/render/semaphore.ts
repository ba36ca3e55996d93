/** Lets so many tasks run at once, first come, first served. Rejects with the signal's reason where it ends the wait. */
export type Semaphore = <Result>(signal: AbortSignal, task: () => Promise<Result>) => Promise<Result>

export function createSemaphore(places: number): Semaphore {
  let free = places
  const waiting = new Set<() => void>()

  async function enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (free > 0) {
      free--
      return
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const aborted = (): void => reject(signal.reason)
    waiting.add(resolve)
    signal.addEventListener('abort', aborted, { once: true })
    try {
      await promise
    } finally {
      waiting.delete(resolve)
      signal.removeEventListener('abort', aborted)
    }
  }

  function leave(): void {
    const [next] = waiting
    if (next === undefined) {
      free++
      return
    }
    waiting.delete(next)
    next()
  }

  return async (signal, task) => {
    await enter(signal)
    try {
      return await task()
    } finally {
      leave()
    }
  }
}
