/** What the promise gives, unless the signal is aborted first: then its reason. What was asked goes on, for whoever else waits for it. */
export async function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** A signal that ends with any of others, and what lets go of them. */
export interface LinkedSignal {
  readonly signal: AbortSignal
  readonly abort: (reason: unknown) => void
  readonly release: () => void
}

/**
 * As AbortSignal.any, for work of which much runs at once under a signal that lives long: each look at a signal of that kind goes through all
 * that it is made of. To be released when the work is done.
 */
export function linkSignals(...sources: readonly AbortSignal[]): LinkedSignal {
  const controller = new AbortController()
  const links = sources.map((source) => ({ source, end: (): void => controller.abort(source.reason) }))
  for (const { source, end } of links) {
    if (source.aborted) end()
    else source.addEventListener('abort', end, { once: true })
  }
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    release() {
      for (const { source, end } of links) source.removeEventListener('abort', end)
    },
  }
}
