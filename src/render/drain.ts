import { setImmediate as nextTurn } from 'node:timers/promises'

const SLICE_MS = 20

/** Runs a generator to its end, letting the event loop turn every 20 ms. Throws the signal's reason when it aborts. */
export async function drain(steps: Iterable<unknown>, signal: AbortSignal): Promise<void> {
  let sliceEnds = performance.now() + SLICE_MS
  for (const _ of steps) {
    if (performance.now() < sliceEnds) continue
    await nextTurn()
    signal.throwIfAborted()
    sliceEnds = performance.now() + SLICE_MS
  }
}
