import type { PlannedChange } from '../model/plan.ts'
import type { Refused } from './ports.ts'

/** A planned change that the API server refused, as it is shown. */
export function refusedChange(change: PlannedChange, refused: Refused): PlannedChange {
  return {
    ...change,
    action: 'failed',
    reason: `${change.operation.verb === 'delete' ? 'prune' : 'apply'} refused: ${refused.message}`,
    fix: fixFor(refused),
    retryable: refused.retryable,
    operation: { verb: 'none' },
  }
}

/** A planned change as it is shown where the sync ended before it was written: what did not happen is never counted as done. */
export function unreachedChange(change: PlannedChange): PlannedChange {
  if (change.operation.verb === 'none') return change
  return { ...change, action: 'skipped', reason: `not written, because the sync ended before: ${change.reason}` }
}

function fixFor({ class: kind, message, retryable }: Refused): string {
  if (kind === 'forbidden' && / cannot impersonate /.test(message)) return MAY_NOT_IMPERSONATE
  return (
    FIXES[kind] ??
    (retryable ? 'Nothing to do: it is tried again. If that goes on, look at the API server.' : 'Correct the manifest in Git.')
  )
}

const MAY_NOT_IMPERSONATE =
  'Let the worker impersonate the service account of the application: gitwake rbac prints the roles that it needs.'

const FIXES: Readonly<Record<string, string>> = {
  'strict-decoding': 'Correct the name of the field in Git: the API server does not know it.',
  'typed-patch': 'Correct the field in Git: its name or type does not fit the schema, or a list names the same key twice.',
  immutable:
    'This field cannot be changed on a live object: give the object another name, or have it deleted and created anew by the annotation gitwake.dev/force: enabled.',
  forbidden: 'Grant the user that is named this verb on this kind, or take the object out of this application.',
  unauthorized: 'Renew the credentials of this cluster.',
  'namespace-missing': 'Declare the namespace in Git, or create it: only the destination namespace is created by itself.',
  'namespace-terminating': 'Wait until the namespace is gone; the sync is tried again.',
  'unknown-kind': 'Install the CustomResourceDefinition of this kind, or correct apiVersion and kind.',
  'webhook-failed': 'Look at the admission webhook that the API server names.',
  conflict: 'Nothing to do: the object is being changed by somebody else; it is planned again.',
  'too-many-requests': 'Nothing to do: it is tried again.',
  unavailable: 'Nothing to do: it is tried again.',
  timeout: 'Nothing to do: it is tried again.',
}
