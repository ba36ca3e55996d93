/** Bounds how many of something run at once; first come, first served. */
export interface Semaphore {
  /** Resolves with the function that gives the place back. Rejects with the signal's reason when it ends the wait. */
  acquire(signal: AbortSignal): Promise<() => void>
}

export function createSemaphore(places: number): Semaphore {
  let free = places
  const waiting = new Set<() => void>()

  function release(): void {
    const next = waiting.values().next().value
    if (next === undefined) free++
    else next()
  }
  function take(): () => void {
    let held = true
    return () => {
      if (held) release()
      held = false
    }
  }

  return {
    async acquire(signal) {
      signal.throwIfAborted()
      if (free > 0) {
        free--
        return take()
      }
      return new Promise((resolve, reject) => {
        const granted = (): void => {
          waiting.delete(granted)
          signal.removeEventListener('abort', aborted)
          resolve(take())
        }
        const aborted = (): void => {
          waiting.delete(granted)
          reject(signal.reason)
        }
        waiting.add(granted)
        signal.addEventListener('abort', aborted, { once: true })
      })
    },
  }
}
