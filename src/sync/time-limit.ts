import { linkSignals } from '../model/abort.ts'
import type { Application } from '../model/configuration.ts'
import { formatDuration } from '../model/duration.ts'
import { GitwakeError } from '../model/error.ts'

/** The time that a sync may take. */
export interface TimeLimit {
  /** Ends with the sync's own signal, or when the time is over. */
  readonly signal: AbortSignal
  /** Why it ended it, where it did. */
  readonly reason: () => unknown
  /** Lifts it; the signal goes on to follow the sync's own until `end`. */
  readonly lift: () => void
  readonly end: () => void
}

/** Ends what takes too long; the wait for health has a limit of its own. */
export function openLimit({ name, sync: { timeoutMs } }: Application, signal: AbortSignal): TimeLimit {
  if (timeoutMs === undefined) return { signal, reason: () => undefined, lift: () => undefined, end: () => undefined }
  const link = linkSignals(signal)
  let reason: unknown
  const timer = setTimeout(() => {
    reason = tooLong(name, timeoutMs)
    link.abort(reason)
  }, timeoutMs)
  const lift = (): void => clearTimeout(timer)
  return {
    signal: link.signal,
    reason: () => reason,
    lift,
    end() {
      lift()
      link.release()
    },
  }
}

function tooLong(application: string, timeoutMs: number): GitwakeError {
  return new GitwakeError('sync-timeout', `the sync of ${application} was not done within ${formatDuration(timeoutMs)}`, {
    fix: 'It is tried again, and goes on where it stopped. The timings of the result say what took so long; spec.sync.timeout allows more.',
    retryable: true,
  })
}
