import { fileURLToPath } from 'node:url'

const AHEAD_MS = 'GITWAKE_TEST_CLOCK_AHEAD_MS'

/**
 * What a Node program must find in its environment to have a wall clock that is so much ahead (below 0: behind). Timers and
 * `performance.now()` go on as they are, as on a machine whose clock was set wrong.
 */
export function shiftedClock(aheadMs: number): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--import=${fileURLToPath(import.meta.url)}`, [AHEAD_MS]: String(aheadMs) }
}

/** This file is what such a program loads before its own. */
const aheadMs = Number(process.env[AHEAD_MS] ?? 0)
if (aheadMs !== 0) {
  const now = Date.now
  Date.now = () => now() + aheadMs
  globalThis.Date = new Proxy(Date, {
    construct: (target, parameters, newTarget) =>
      Reflect.construct(target, parameters.length === 0 ? [target.now()] : parameters, newTarget) as object,
  })
}
