import type { Pin } from '../model/standing.ts'

export type PinVerdict = { readonly holds: true } | { readonly holds: false; readonly why: string }

/**
 * Whether a pin still holds under a head. A later commit that changes nothing for this application is as bad as what was rolled back: in a
 * repository of many, other people's pushes must not bring it back.
 * @param inputs Digest of all that this head brings for the application; undefined where it is not known.
 */
export function pinVerdict(pin: Pin, head: string, inputs: string | undefined): PinVerdict {
  if (head === pin.revision) return { holds: false, why: 'the branch was set back to it' }
  if (pin.bad.includes(head)) return { holds: true }
  if (inputs !== undefined && inputs === pin.inputs) return { holds: true }
  return { holds: false, why: `the branch moved on to ${head.slice(0, 12)}` }
}
