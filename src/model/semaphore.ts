import { createTurns, type Waiting } from './turns.ts'

/** Bounds how many of something run at once. */
export interface Semaphore {
  /**
   * Resolves with the function that gives the place back. Rejects with the signal's reason when it ends the wait. Those who wait under
   * different signals (syncs) take turns; `urgent` goes first.
   */
  acquire(signal: AbortSignal, options?: AcquireOptions): Promise<() => void>
}

export interface AcquireOptions {
  readonly urgent?: boolean
  /** Holds something meanwhile that others wait for, or that must be renewed: three of four places that become free are for such as this one. */
  readonly holding?: boolean
}

const HOLDERS_OF = 4

export function createSemaphore(places: number): Semaphore {
  let free = places
  const urgent = new Set<Waiting>()
  const [holders, others] = [createTurns(), createTurns()]
  let turn = 0

  function release(): void {
    const next = urgent.values().next().value ?? nextInTurn()
    if (next === undefined) free++
    else next.grant()
  }
  function nextInTurn(): Waiting | undefined {
    turn = (turn + 1) % HOLDERS_OF
    return turn === 0 ? (others.next() ?? holders.next()) : (holders.next() ?? others.next())
  }
  function take(): () => void {
    let held = true
    return () => {
      if (held) release()
      held = false
    }
  }

  return {
    async acquire(signal, options = {}) {
      signal.throwIfAborted()
      if (free > 0) {
        free--
        return take()
      }
      const turns = options.holding === true ? holders : others
      return new Promise((resolve, reject) => {
        const one: Waiting = {
          grant() {
            urgent.delete(one)
            turns.leave(signal, one)
            resolve(take())
          },
          refuse(reason) {
            urgent.delete(one)
            reject(reason)
          },
        }
        turns.join(signal, one)
        if (options.urgent === true) urgent.add(one)
      })
    },
  }
}
