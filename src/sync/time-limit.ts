import type { Application } from '../model/configuration.ts'
import { formatDuration } from '../model/duration.ts'
import { GitwakeError } from '../model/error.ts'

/** Ends what takes too long; the wait for health has a limit of its own. */
export function openLimit({ name, sync: { timeoutMs } }: Application): { readonly signal: AbortSignal; readonly close: () => void } {
  const controller = new AbortController()
  if (timeoutMs === undefined) return { signal: controller.signal, close: () => undefined }
  const timer = setTimeout(() => controller.abort(tooLong(name, timeoutMs)), timeoutMs)
  return { signal: controller.signal, close: () => clearTimeout(timer) }
}

function tooLong(application: string, timeoutMs: number): GitwakeError {
  return new GitwakeError('sync-timeout', `the sync of ${application} was not done within ${formatDuration(timeoutMs)}`, {
    fix: 'It is tried again, and goes on where it stopped. The timings of the result say what took so long; spec.sync.timeout allows more.',
    retryable: true,
  })
}
