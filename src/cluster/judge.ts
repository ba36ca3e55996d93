import { sha256 } from '../model/digest.ts'
import { stringifyJson } from '../model/json.ts'
import type { ResourceKind } from '../model/kinds.ts'
import { PART_OF_LABEL } from '../model/names.ts'
import type { Manifest } from '../model/object.ts'
import type { ApplyOperation, Tried } from '../sync/ports.ts'
import type { ClusterConnection } from './connect.ts'
import { createOneForAll } from './one-for-all.ts'
import { dryRunObject } from './write.ts'

/** Would the API server take a manifest whose namespace it does not know yet? */
export type Judge = (operation: ApplyOperation, resource: ResourceKind, signal: AbortSignal) => Promise<Tried>

/**
 * Where the namespace is missing, nothing but the manifest and the worker's rights in the whole cluster can be judged, so that what many applications
 * have in common is asked once for all of them (decision 037). A refusal names its object: everybody gets their own.
 */
export function createJudge(connection: ClusterConnection): Judge {
  const common = createOneForAll<Tried>((tried) => tried.ok && tried.warnings.length === 0)
  return (operation, resource, signal) =>
    common.ask(keyOf(operation.manifest, resource), signal, () =>
      dryRunObject(connection, resource, operation, { awaitsNamespace: true, compare: false, signal }),
    )
}

/** Everything but where it goes and whose it is. */
function keyOf(manifest: Manifest, { group, version, resource }: ResourceKind): string {
  const { namespace: _namespace, labels = {}, ...metadata } = manifest.metadata
  const { [PART_OF_LABEL]: _applySet, ...others } = labels
  return sha256(stringifyJson([group, version, resource, { ...manifest, metadata: { ...metadata, labels: others } }]))
}
