import { setTimeout as delay } from 'node:timers/promises'

/** Resolves after so many milliseconds; throws the signal's reason when aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => signal.throwIfAborted())
}
