import { isJsonObject } from '../model/json.ts'
import { groupOf } from '../model/object.ts'
import type { PlannedChange } from '../model/plan.ts'

/**
 * Marks the changes that a dry-run cannot check before the first write, because something they need is part of the same
 * plan: the CRD of their kind, or their namespace. They are applied in their turn, and their errors come then.
 */
export function deferrals(changes: readonly PlannedChange[]): PlannedChange[] {
  const kinds = new Set<string>()
  const namespaces = new Set<string>()
  for (const { object, operation } of changes) {
    if (operation.verb !== 'apply') continue
    if (object.kind === 'Namespace' && object.group === '' && operation.expect === 'absent') namespaces.add(object.name)
    const { spec } = operation.manifest
    if (object.kind === 'CustomResourceDefinition' && isJsonObject(spec) && isJsonObject(spec.names)) {
      kinds.add(`${String(spec.group)}/${String(spec.names.kind)}`)
    }
  }
  return changes.map((change) => {
    if (change.operation.verb !== 'apply') return change
    const awaitsDefinition = kinds.has(`${groupOf(change.operation.manifest.apiVersion)}/${change.object.kind}`)
    if (awaitsDefinition) return { ...change, deferred: 'definition' }
    if (namespaces.has(change.object.namespace)) return { ...change, deferred: 'namespace' }
    return change
  })
}
