import { applySetId } from '../../src/model/names.ts'
import { createDriftWatch, type DriftWatch, type DriftWatchOptions } from '../../src/roles/drift-watch.ts'
import type { Deviation } from '../../src/sync/deviation.ts'
import { silent } from '../support/connect.ts'
import type { Subject, Workbench } from '../sync/workbench.ts'

/** A drift watch for one application alone, that tells of its deviations. */
export function watchOf(
  { inventoryNamespace }: Workbench,
  { application: { name } }: Subject,
  tell: (deviations: readonly Deviation[]) => void,
  options: Partial<DriftWatchOptions> = {},
): DriftWatch {
  return createDriftWatch({
    cluster: 'test',
    inventoryNamespace,
    log: silent,
    applicationOf: (applySet) => (applySet === applySetId(name, inventoryNamespace) ? name : undefined),
    onDrift: (_, deviations) => {
      tell(deviations)
      return Promise.resolve()
    },
    onHealth: () => Promise.resolve(),
    onGap: () => Promise.resolve(),
    suspectEveryMs: () => 0,
    ...options,
  })
}
