import type { Result } from './api.ts'

/** Why a sync did not succeed, in one line. */
export function reasonOf({ message, problem, changes }: Result): string {
  const failed = changes
    .filter(({ action }) => action === 'failed' || action === 'held')
    .map(({ reason, origin }) => (origin === undefined ? reason : `${reason} (${origin.file})`))
  return failed[0] ?? problem?.message ?? message
}

/** Since a moment of performance.now(), for people. */
export function elapsed(begin: number): string {
  const milliseconds = performance.now() - begin
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`
}
