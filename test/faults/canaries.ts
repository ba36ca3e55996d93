import { randomBytes } from 'node:crypto'

/** A secret that is recognised wherever it turns up. */
export interface Canary {
  readonly kind: string
  readonly value: string
}

/** No word and no shape that a mask could know: only what it is used for says that it is a secret. */
export function canary(kind: string): Canary {
  return { kind, value: `k${randomBytes(15).toString('hex')}` }
}

/** The canaries that stand in a text: plain, in hex, percent-encoded, or in base64 at any offset. */
export function found(text: string, canaries: readonly Canary[]): readonly string[] {
  return canaries.flatMap(({ kind, value }) =>
    formsOf(value)
      .filter((form) => text.includes(form))
      .map((form) => `${kind}: …${text.slice(Math.max(0, text.indexOf(form) - 80), text.indexOf(form) + 20)}…`),
  )
}

function formsOf(value: string): readonly string[] {
  const bytes = Buffer.from(value)
  // Inside something longer, base64 shifts by the bytes in front: the characters in the middle stay.
  const shifted = [0, 1, 2].map((offset) =>
    Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .slice(offset === 0 ? 0 : 4, -4),
  )
  return [value, bytes.toString('hex'), ...shifted]
}
