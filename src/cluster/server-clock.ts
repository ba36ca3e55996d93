/**
 * The API server's clock, read from the Date headers of its answers and carried on by the local monotonic clock, so that a
 * wrong or jumping wall clock here moves no lease.
 */
export interface ServerClock {
  /** One answer: its Date header, and when the request was sent and answered (performance.now() milliseconds). */
  observe(dateHeader: string | undefined, sentAt: number, answeredAt: number): void
  /** Milliseconds since 1970 by the server's clock; undefined before the first answer. */
  now(): number | undefined
}

export function createServerClock(monotonic: () => number = () => performance.now()): ServerClock {
  // The header has whole seconds: each answer only bounds the offset, and the bounds of several answers narrow it down.
  let earliest = -Infinity
  let latest = Infinity
  return {
    observe(dateHeader, sentAt, answeredAt) {
      const second = dateHeader === undefined ? NaN : Date.parse(dateHeader)
      if (!Number.isFinite(second)) return
      const low = second - answeredAt
      const high = second + 1000 - sentAt
      const disjoint = low > latest || high < earliest
      // The server's clock was set, or drifted away from ours: what was learned before no longer holds.
      earliest = disjoint ? low : Math.max(earliest, low)
      latest = disjoint ? high : Math.min(latest, high)
    },
    now: () => (Number.isFinite(earliest) ? monotonic() + (earliest + latest) / 2 : undefined),
  }
}
