/** Lets one request answer everybody who waits to ask the same. */
export interface OneForAll<Answer> {
  /**
   * Asks by `send`, or has somebody else's answer, to a request that left after this call. An answer that is not good for all is only for
   * whoever asked; the others then ask themselves. Rejects with the signal's reason, or as `send` does.
   */
  ask(key: string, signal: AbortSignal, send: () => Promise<Answer>): Promise<Answer>
}

interface Asker<Answer> {
  readonly signal: AbortSignal
  readonly send: () => Promise<Answer>
  settle(answer: Promise<Answer>): void
}

export function createOneForAll<Answer>(isForAll: (answer: Answer) => boolean): OneForAll<Answer> {
  /** Those who came while a request with their key was under way. */
  const waiting = new Map<string, Asker<Answer>[]>()

  async function lead(key: string, first: Asker<Answer>, others: readonly Asker<Answer>[]): Promise<void> {
    waiting.set(key, waiting.get(key) ?? [])
    const answer = first.send()
    first.settle(answer)
    try {
      const isShared = isForAll(await answer)
      for (const other of others) other.settle(isShared ? answer : other.send())
    } catch {
      // Who gives up has learned nothing for the others; what else went wrong would go wrong for each of them.
      if (first.signal.aborted) waiting.get(key)?.unshift(...others)
      else for (const other of others) other.settle(answer)
    }
    const [next, ...rest] = (waiting.get(key) ?? []).filter(({ signal }) => !signal.aborted)
    waiting.delete(key)
    if (next !== undefined) await lead(key, next, rest)
  }

  return {
    ask: (key, signal, send) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted()
        const leave = (): void => reject(signal.reason)
        signal.addEventListener('abort', leave, { once: true })
        const asker: Asker<Answer> = {
          signal,
          send,
          settle: (answer) => void answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave)),
        }
        const line = waiting.get(key)
        if (line === undefined) void lead(key, asker, [])
        else line.push(asker)
      }),
  }
}
