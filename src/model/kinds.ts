import { groupKindKey, type GroupKind } from './object.ts'

/** A kind as one cluster serves it, in one version. */
export interface ResourceKind extends GroupKind {
  readonly version: string
  /** Plural, as it stands in paths: `deployments`. */
  readonly resource: string
  readonly namespaced: boolean
  readonly verbs: readonly string[]
  /** Has a status of its own, whose updates leave the generation alone. */
  readonly hasStatus: boolean
}

/** What a cluster serves, as of the last discovery. */
export interface KindCatalog {
  /** The kind in exactly this version. */
  find(kind: GroupKind, version: string): ResourceKind | undefined
  /** The kind in the version that the cluster prefers. */
  preferred(kind: GroupKind): ResourceKind | undefined
  /** Does an aggregated API server that is away serve this group? What it serves is then unknown, not gone. */
  isStale(group: string): boolean
}

/** Where the objects of a kind are looked for: '' is everywhere. Nowhere for a cluster-scoped kind where only namespaces are granted. */
export function placesOf({ namespaced }: ResourceKind, namespaces: readonly string[] | undefined): readonly string[] {
  if (namespaces === undefined) return ['']
  return namespaced ? namespaces : []
}

export function createKindCatalog(kinds: Iterable<ResourceKind>, staleGroups: ReadonlySet<string> = new Set()): KindCatalog {
  const exact = new Map<string, ResourceKind>()
  const preferred = new Map<string, ResourceKind>()
  for (const kind of kinds) {
    const key = groupKindKey(kind)
    exact.set(`${key}@${kind.version}`, kind)
    // Discovery lists versions in order of preference, so the first one wins.
    if (!preferred.has(key)) preferred.set(key, kind)
  }
  return {
    find: (kind, version) => exact.get(`${groupKindKey(kind)}@${version}`),
    preferred: (kind) => preferred.get(groupKindKey(kind)),
    isStale: (group) => staleGroups.has(group),
  }
}
