import { objectKey, type ObjectKey } from '../model/object.ts'
import type { PlannedChange } from '../model/plan.ts'

/**
 * Names the files that refused objects really come from: people look there. Asks only where something was refused; where the answer fails,
 * the refusal stands with the origin that it had, since it is what must be told.
 */
export async function namedOrigins(
  refused: readonly PlannedChange[],
  ask: () => Promise<ReadonlyMap<ObjectKey, string>>,
  signal: AbortSignal,
): Promise<(change: PlannedChange) => PlannedChange> {
  if (refused.length === 0) return (change) => change
  const files = await ask().catch(() => new Map<ObjectKey, string>())
  signal.throwIfAborted()
  const keys = new Set(refused.map(({ object }) => objectKey(object)))
  return (change) => {
    const { object, origin } = change
    if (origin === undefined || !keys.has(objectKey(object))) return change
    // Its namespace may be filled in by the destination only.
    const file = files.get(objectKey(object)) ?? files.get(objectKey({ ...object, namespace: '' }))
    return file === undefined ? change : { ...change, origin: { file, document: 1 } }
  }
}
