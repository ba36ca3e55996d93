const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const DURATION = /^(?:\d{1,9}(?:ms|s|m|h|d))+$/

/** Milliseconds of `500ms`, `30s`, `1m`, `1h30m`, `7d` or plain `0`; undefined for anything else, longer than ten years included. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  if (!DURATION.test(text)) return undefined
  let total = 0
  for (const [, amount = '', unit = ''] of text.matchAll(/(\d+)(ms|s|m|h|d)/g)) total += Number(amount) * (UNITS[unit] ?? 0)
  return total <= 3650 * 86_400_000 ? total : undefined
}

/** The shortest way to write a duration that `parseDuration` reads back: 90_000 → `1m30s`. */
export function formatDuration(milliseconds: number): string {
  let rest = Math.max(0, Math.round(milliseconds))
  if (rest === 0) return '0'
  let text = ''
  for (const unit of ['d', 'h', 'm', 's', 'ms']) {
    const size = UNITS[unit] ?? 1
    const amount = Math.floor(rest / size)
    if (amount > 0) text += `${amount}${unit}`
    rest -= amount * size
  }
  return text
}
