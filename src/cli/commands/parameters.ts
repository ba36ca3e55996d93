import { InvalidArgumentError } from 'commander'
import { parseDuration } from '../../model/duration.ts'

export function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number above 0.')
}

export function durationMs(text: string): number {
  const milliseconds = parseDuration(text)
  if (milliseconds !== undefined) return milliseconds
  throw new InvalidArgumentError('It must be a duration such as 30s, 2m or 1h.')
}

/** Milliseconds of `--wait [duration]`; 0 does not wait. */
export function waitOf(wait: number | true | undefined): number {
  return wait === undefined ? 0 : wait === true ? 60_000 : wait
}
