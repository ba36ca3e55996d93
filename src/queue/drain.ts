import { setTimeout as sleep } from 'node:timers/promises'
import type { Jobs } from './jobs.ts'

/**
 * Resolves when the queue is empty and stays so: what runs has ended, what waits was run, and nothing that is due lacks a job.
 * Jobs that are due later do not count. Rejects with the signal's reason.
 */
export async function waitUntilEmpty(jobs: Jobs, ensure: () => Promise<readonly string[]>, signal: AbortSignal): Promise<void> {
  for (let quietLooks = 0; quietLooks < 2;) {
    const added = await ensure().catch(() => ['?'])
    const open = await (await jobs.queue().catch(() => undefined))?.getJobCounts('waiting', 'prioritized', 'active').catch(() => undefined)
    const isQuiet = added.length === 0 && open !== undefined && Object.values(open).every((count) => count === 0)
    quietLooks = isQuiet ? quietLooks + 1 : 0
    await sleep(100, undefined, { signal })
  }
}
