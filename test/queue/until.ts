import { setTimeout as sleep } from 'node:timers/promises'

/** Waits until a condition holds; fails after a generous deadline instead of hanging. */
export async function until(condition: () => Promise<boolean> | boolean, deadlineMs = 60_000): Promise<void> {
  const end = performance.now() + deadlineMs
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${condition.toString()}`)
    await sleep(20)
  }
}
