import { createKindCatalog } from '../model/kinds.ts'
import { groupKindKey, groupOf, versionOf, type GroupKind, type Manifest, type RenderedObject } from '../model/object.ts'
import { definedKinds } from '../plan/desired.ts'
import { splitHooks } from '../plan/hooks.ts'
import { builtInKind, type GrantedKind } from './built-in-kinds.ts'

/** The kinds of rendered objects, each once. Of a custom kind whose definition is not among them only the group is known. */
export function kindsOf(rendered: readonly RenderedObject[]): readonly GrantedKind[] {
  const fromCommit = createKindCatalog(rendered.flatMap(({ manifest }) => definedKinds(manifest)))
  const hooks = new Set(splitHooks(rendered, '').hooks.map(({ manifest }) => groupKindKey(kindOf(manifest))))
  const kinds = new Map<string, GrantedKind>()
  for (const { manifest } of rendered) {
    const kind = kindOf(manifest)
    const found = builtInKind(kind) ?? fromCommit.find(kind, versionOf(manifest.apiVersion))
    const { group, resource, namespaced } = found ?? { group: kind.group, resource: '*', namespaced: true }
    const isAwaited = hooks.has(groupKindKey(kind))
    kinds.set(found === undefined ? group : groupKindKey(kind), { group, resource, namespaced, ...(isAwaited && { isAwaited }) })
  }
  return [...kinds.values()]
}

function kindOf({ apiVersion, kind }: Manifest): GroupKind {
  return { group: groupOf(apiVersion), kind }
}
