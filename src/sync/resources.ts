import type { KindCatalog, ResourceKind } from '../model/kinds.ts'
import { objectKey, versionOf } from '../model/object.ts'
import type { PlannedChange } from '../model/plan.ts'
import type { Decision } from './decide.ts'

/** The served kind that a write goes to; undefined where there is nothing to write or the kind is unknown. */
export function resourceFor(
  { object, operation }: PlannedChange,
  { facts }: Decision,
  catalog: KindCatalog = facts.catalog,
): ResourceKind | undefined {
  if (operation.verb === 'none') return undefined
  const version = operation.verb === 'apply' ? versionOf(operation.manifest.apiVersion) : operation.version
  const served = catalog.find(object, version) ?? (operation.verb === 'delete' ? catalog.preferred(object) : undefined)
  // A kind whose CRD is part of the same commit: its path is known before it is served.
  return served ?? facts.desired.objects.find(({ key }) => key === objectKey(object))?.resource
}
