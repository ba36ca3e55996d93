/** What waits for a place. */
export interface Waiting {
  grant(): void
  refuse(reason: unknown): void
}

/** Those who wait, by the signal under which they do: a sync has one. They take turns, so that one request of one sync does not wait for the thousands of another. */
export interface Turns {
  join(signal: AbortSignal, one: Waiting): void
  leave(signal: AbortSignal, one: Waiting): void
  /** Whose turn it is. */
  next(): Waiting | undefined
}

/**
 * So many go in one turn: a small sync asks for all that it needs next at once, and ends sooner than where everybody's first request comes
 * before anybody's second.
 */
const TURN = 8

/** All that wait under one signal, with one listener: a signal searches its listeners one by one, which thousands of them would feel. */
interface Group {
  readonly members: Set<Waiting>
  readonly aborted: () => void
  left: number
}

export function createTurns(): Turns {
  /** In the order of their turns. */
  const groups = new Map<AbortSignal, Group>()

  return {
    join(signal, one) {
      const known = groups.get(signal)
      if (known !== undefined) return void known.members.add(one)
      const members = new Set([one])
      const aborted = (): void => {
        groups.delete(signal)
        for (const member of members) member.refuse(signal.reason)
      }
      groups.set(signal, { members, aborted, left: TURN })
      signal.addEventListener('abort', aborted, { once: true })
    },
    leave(signal, one) {
      const group = groups.get(signal)
      group?.members.delete(one)
      if (group?.members.size !== 0) return
      groups.delete(signal)
      signal.removeEventListener('abort', group.aborted)
    },
    next() {
      const [first] = groups
      if (first === undefined) return undefined
      const [signal, group] = first
      group.left -= 1
      if (group.left === 0) {
        group.left = TURN
        groups.delete(signal)
        groups.set(signal, group)
      }
      return group.members.values().next().value
    },
  }
}
