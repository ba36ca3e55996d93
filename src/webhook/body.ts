import type { IncomingMessage } from 'node:http'
import { createBudget } from './budget.ts'

export interface BodyLimits {
  /** The largest body (GitHub sends none above 25 MB). */
  readonly maxBytes: number
  /** All bodies together. */
  readonly budgetBytes: number
  /** From here on a body counts as large. */
  readonly largeBytes: number
  /** Bodies being read at once; the one that has been read for longest makes room for the next. */
  readonly maxReaders: number
  /** From the request's first line to the body's last byte, milliseconds. */
  readonly timeoutMs: number
}

export type BodyOutcome =
  /** `release` gives the memory back to the budget; `bytes` must not be used after it. */
  | { readonly kind: 'body'; readonly bytes: Buffer; readonly release: () => void }
  | { readonly kind: 'too large' | 'too slow' | 'busy' | 'gone' }

export type BodyReader = (request: IncomingMessage) => Promise<BodyOutcome>

interface Reading {
  readonly startedAt: number
  /** Of its Content-Length, or of the limit where it has none: between 0 and 1. */
  progress(): number
  giveWay(): void
}

// A sender that needs an event per few bytes costs CPU out of proportion.
const freeChunks = 4096
const bytesPerChunk = 256
/** Too early to call anybody slow. */
const graceMs = 250

/** Reads bodies whole, inside every limit; never rejects. */
export function createBodyReader(limits: BodyLimits): BodyReader {
  const budget = createBudget(limits)
  const readings = new Set<Reading>()

  /** Ends the oldest other reading that will not be done in time at its pace. */
  function makeRoom(asking: Reading | undefined): boolean {
    for (const reading of readings) {
      const elapsed = performance.now() - reading.startedAt
      if (elapsed < graceMs) return false
      if (reading === asking || reading.progress() >= elapsed / limits.timeoutMs) continue
      reading.giveWay()
      return true
    }
    return false
  }

  function reserve(bytes: number, total: number, asking?: Reading): boolean {
    while (!budget.reserve(bytes, total)) if (!makeRoom(asking)) return false
    return true
  }

  return (request) =>
    new Promise((resolve) => {
      const declared = declaredLength(request)
      if (declared !== undefined && declared > limits.maxBytes) return resolve({ kind: 'too large' })
      // The memory of a large body is set aside before its first byte; small ones take it as they come.
      let reserved = declared !== undefined && declared > limits.largeBytes ? declared : 0
      if (reserved > 0 && !reserve(reserved, reserved)) return resolve({ kind: 'busy' })
      let buffer: Buffer = Buffer.alloc(0)
      let received = 0
      let chunks = 0

      const timer = setTimeout(() => end({ kind: 'too slow' }), limits.timeoutMs)
      const reading: Reading = {
        startedAt: performance.now(),
        progress: () => received / (declared ?? limits.maxBytes),
        giveWay: () => end({ kind: 'too slow' }),
      }
      const release = (): void => {
        budget.release(reserved, reserved)
        reserved = 0
        buffer = Buffer.alloc(0)
      }

      function end(outcome: BodyOutcome): void {
        clearTimeout(timer)
        readings.delete(reading)
        request.off('data', onData).off('end', onEnd).off('close', onClose)
        if (outcome.kind !== 'body') release()
        resolve(outcome)
      }

      function onData(chunk: Buffer): void {
        chunks++
        const total = received + chunk.length
        if (total > limits.maxBytes || chunks > freeChunks + total / bytesPerChunk) return end({ kind: 'too large' })
        if (total > buffer.length && !grow(chunk, total)) return end({ kind: 'busy' })
        // The usual push arrives as one chunk, which then is the body.
        if (buffer !== chunk) chunk.copy(buffer, received)
        received = total
      }

      /** Doubles, so that many chunks cost neither many copies nor an object each. */
      function grow(chunk: Buffer, total: number): boolean {
        const whole = received === 0 && chunk.length === declared
        const capacity = whole ? total : Math.min(Math.max(total, buffer.length * 2, 16_384), declared ?? limits.maxBytes)
        const size = reserved > limits.largeBytes && declared !== undefined ? declared : Math.max(capacity, total)
        if (size > reserved) {
          if (!reserve(size - reserved, size, reading)) return false
          reserved = size
        }
        const larger = whole ? chunk : Buffer.allocUnsafeSlow(size)
        buffer.copy(larger, 0, 0, received)
        buffer = larger
        return true
      }

      function onEnd(): void {
        end({ kind: 'body', bytes: buffer.subarray(0, received), release })
      }
      function onClose(): void {
        end({ kind: 'gone' })
      }

      const [oldest] = readings
      if (readings.size >= limits.maxReaders) oldest?.giveWay()
      readings.add(reading)
      request
        .on('data', onData)
        .on('end', onEnd)
        .on('close', onClose)
        .on('error', () => {})
    })
}

/** Node's parser has already refused what is no number, comes twice or contradicts Transfer-Encoding. */
function declaredLength(request: IncomingMessage): number | undefined {
  const text = request.headers['content-length']
  return text === undefined ? undefined : Number(text)
}
