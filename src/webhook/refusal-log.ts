import type { Log } from '../model/log.ts'

/** What the receiver needs of a log. */
export type ReceiverLog = Pick<Log, 'debug' | 'warn' | 'error'>

const intervalMs = 10_000

/** Says why requests are refused, at most once in 10 s for each receiver and reason: an attack must not fill the disk. */
export function createRefusalLog(log: ReceiverLog, now: () => number): (receiver: string, source: string, reason: string) => void {
  const seen = new Map<string, { at: number; count: number }>()
  return (receiver, source, reason) => {
    const key = `${receiver} ${reason}`
    const known = seen.get(key)
    if (known !== undefined && now() - known.at < intervalMs) {
      known.count++
      return
    }
    // Unknown receivers are all called the same, so that this stays small; the bound is for what nobody thought of.
    if (seen.size > 1000) seen.clear()
    seen.set(key, { at: now(), count: 0 })
    log.warn({ receiver, source, reason, since: known?.count ?? 0 }, `delivery to ${receiver} refused: ${reason}`)
  }
}
