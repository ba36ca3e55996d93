interface Waiting {
  readonly key: string
  start(): void
}

/** Bounds how many pieces of work run at once. */
export interface Limiter {
  /** Runs `work` when there is room, in the order asked for. Rejects with the signal's reason where that comes first. */
  run<Result>(key: string, signal: AbortSignal, work: () => Promise<Result>): Promise<Result>
}

/** At most `total` at once, and at most `perKey` of one key, so that one hanging host leaves room for all others. */
export function createLimiter(total: number, perKey: number): Limiter {
  const running = new Map<string, number>()
  const queue: Waiting[] = []
  let active = 0

  function startNext(): void {
    while (active < total) {
      const index = queue.findIndex(({ key }) => (running.get(key) ?? 0) < perKey)
      if (index < 0) return
      const [next] = queue.splice(index, 1)
      if (next === undefined) return
      active += 1
      running.set(next.key, (running.get(next.key) ?? 0) + 1)
      next.start()
    }
  }

  function release(key: string): void {
    active -= 1
    const left = (running.get(key) ?? 1) - 1
    if (left === 0) running.delete(key)
    else running.set(key, left)
    startNext()
  }

  function acquire(key: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        queue.splice(queue.indexOf(waiting), 1)
        reject(signal.reason)
      }
      const waiting: Waiting = {
        key,
        start: () => {
          signal.removeEventListener('abort', abort)
          resolve()
        },
      }
      signal.throwIfAborted()
      signal.addEventListener('abort', abort, { once: true })
      queue.push(waiting)
      startNext()
    })
  }

  return {
    run: async (key, signal, work) => {
      await acquire(key, signal)
      try {
        return await work()
      } finally {
        release(key)
      }
    },
  }
}
