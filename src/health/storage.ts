import type { Health } from '../model/health.ts'
import type { LiveObject } from '../model/object.ts'
import { textAt } from './fields.ts'
import { current, failed, inProgress } from './verdict.ts'

export function claimHealth(object: LiveObject): Health {
  const phase = textAt(object, 'status', 'phase')
  if (phase === 'Bound') return current(`The claim is bound to ${textAt(object, 'spec', 'volumeName') || 'a volume'}`)
  // A bound claim never comes back from this.
  if (phase === 'Lost') return failed(`The claim has lost its volume ${textAt(object, 'spec', 'volumeName')}`.trimEnd())
  // Whether the storage class waits for a first Pod does not stand in the claim.
  return inProgress('The claim is not bound to a volume yet; with volumeBindingMode WaitForFirstConsumer it waits for a Pod')
}

export function volumeHealth(object: LiveObject): Health {
  const phase = textAt(object, 'status', 'phase')
  if (phase === 'Failed') return failed(`The volume could not be reclaimed: ${textAt(object, 'status', 'message') || 'no reason given'}`)
  return phase === '' || phase === 'Pending'
    ? inProgress('The volume is not available yet')
    : current(`The volume is ${phase.toLowerCase()}`)
}
