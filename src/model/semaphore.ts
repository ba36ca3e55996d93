/** Bounds how many of something run at once. */
export interface Semaphore {
  /**
   * Resolves with the function that gives the place back. Rejects with the signal's reason when it ends the wait. Those who wait under
   * different signals (syncs) take turns, so that one object of one sync does not wait for the thousands of another; `urgent` goes first.
   */
  acquire(signal: AbortSignal, options?: { readonly urgent?: boolean }): Promise<() => void>
}

interface Waiting {
  grant(): void
  refuse(reason: unknown): void
}

/** All that wait under one signal, with one listener: a signal searches its listeners one by one, which thousands of them would feel. */
interface Group {
  readonly members: Set<Waiting>
  readonly aborted: () => void
}

export function createSemaphore(places: number): Semaphore {
  let free = places
  const urgent = new Set<Waiting>()
  /** In the order of their turns. */
  const groups = new Map<AbortSignal, Group>()

  function release(): void {
    const next = urgent.values().next().value ?? nextInTurn()
    if (next === undefined) free++
    else next.grant()
  }
  function nextInTurn(): Waiting | undefined {
    const [first] = groups
    if (first === undefined) return undefined
    const [signal, group] = first
    groups.delete(signal)
    groups.set(signal, group)
    return group.members.values().next().value
  }
  function take(): () => void {
    let held = true
    return () => {
      if (held) release()
      held = false
    }
  }

  function join(signal: AbortSignal, one: Waiting): void {
    const known = groups.get(signal)
    if (known !== undefined) return void known.members.add(one)
    const members = new Set([one])
    const aborted = (): void => {
      groups.delete(signal)
      for (const member of members) member.refuse(signal.reason)
    }
    groups.set(signal, { members, aborted })
    signal.addEventListener('abort', aborted, { once: true })
  }
  function leave(signal: AbortSignal, one: Waiting): void {
    urgent.delete(one)
    const group = groups.get(signal)
    group?.members.delete(one)
    if (group?.members.size !== 0) return
    groups.delete(signal)
    signal.removeEventListener('abort', group.aborted)
  }

  return {
    async acquire(signal, options = {}) {
      signal.throwIfAborted()
      if (free > 0) {
        free--
        return take()
      }
      return new Promise((resolve, reject) => {
        const one: Waiting = {
          grant() {
            leave(signal, one)
            resolve(take())
          },
          refuse(reason) {
            urgent.delete(one)
            reject(reason)
          },
        }
        join(signal, one)
        if (options.urgent === true) urgent.add(one)
      })
    },
  }
}
