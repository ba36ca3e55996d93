interface Asker<Result> {
  readonly signal: AbortSignal
  resolve(result: Result): void
  reject(reason: unknown): void
}

/** What became of one key of a round. */
export type Outcome<Result> = { readonly value: Result } | { readonly error: unknown }

/** Answers everyone who asks for a key from as few rounds as possible. */
export interface Gathering<Result> {
  /** Resolves from a round that started after this call: never with something older than the question. */
  ask(key: string, signal: AbortSignal): Promise<Result>
  /** Resolves when no round runs. */
  idle(): Promise<void>
}

/**
 * Rounds follow one another; whoever asks while one runs is answered by the next, together with everybody else who waits.
 * A round is aborted when the last of its askers has left. `round` returns an outcome for every key, or throws for all of them.
 */
export function createGathering<Result>(
  round: (keys: readonly string[], signal: AbortSignal) => Promise<ReadonlyMap<string, Outcome<Result>>>,
): Gathering<Result> {
  let waiting = new Map<string, Set<Asker<Result>>>()
  let scheduled = false
  let running: Promise<void> = Promise.resolve()

  function schedule(): void {
    if (scheduled || waiting.size === 0) return
    scheduled = true
    // After the current turn of the event loop, so that jobs that arrived together are answered together.
    setImmediate(() => {
      running = runRound().finally(() => {
        scheduled = false
        schedule()
      })
    })
  }

  async function runRound(): Promise<void> {
    const askers = waiting
    waiting = new Map()
    const present = [...askers].filter(([, set]) => set.size > 0)
    if (present.length === 0) return
    const controller = new AbortController()
    const leave = (): void => {
      if (present.every(([, set]) => set.size === 0)) controller.abort(new Error('nobody waits for it any more'))
    }
    for (const [, set] of present) for (const { signal } of set) signal.addEventListener('abort', leave, { signal: controller.signal })
    const settle = await round(
      present.map(([key]) => key),
      controller.signal,
    ).then(
      (outcomes) => (key: string) => outcomes.get(key) ?? { error: new Error(`the round left out ${key}`) },
      (error: unknown) => () => ({ error }),
    )
    for (const [key, set] of present) for (const asker of set) answer(asker, settle(key))
    controller.abort()
  }

  return {
    ask: (key, signal) =>
      new Promise<Result>((resolve, reject) => {
        signal.throwIfAborted()
        const askers = waiting.get(key) ?? new Set()
        waiting.set(key, askers)
        const leave = (): void => {
          askers.delete(asker)
          reject(signal.reason)
        }
        const done = (): void => signal.removeEventListener('abort', leave)
        const asker: Asker<Result> = {
          signal,
          resolve: (result) => (done(), resolve(result)),
          reject: (reason) => (done(), reject(reason)),
        }
        // Registered first, so that whoever leaves is gone from the set before the round looks who is left.
        signal.addEventListener('abort', leave, { once: true })
        askers.add(asker)
        schedule()
      }),
    idle: () => running,
  }
}

function answer<Result>(asker: Asker<Result>, outcome: Outcome<Result>): void {
  if ('value' in outcome) asker.resolve(outcome.value)
  else asker.reject(outcome.error)
}
