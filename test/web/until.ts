import { setTimeout as sleep } from 'node:timers/promises'

/** Waits for a condition; the deadline is for a broken test, never a measure of speed. */
export async function until(condition: () => boolean | Promise<boolean>, deadlineMs = 15_000): Promise<void> {
  const end = performance.now() + deadlineMs
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not so within ${deadlineMs} ms: ${condition}`)
    await sleep(10)
  }
}
