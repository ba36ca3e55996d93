import type { Json, JsonObject } from './json.ts'

/** Names one object of a cluster, whatever version it is read in. `group` and `namespace` are '' for core kinds and cluster-scoped objects. */
export interface ObjectId {
  readonly group: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

export interface GroupKind {
  readonly group: string
  readonly kind: string
}

/** `group/kind/namespace/name`: an ObjectId as a map key. */
export type ObjectKey = string

/** Where a manifest stands in the repository: the file, and the number of the YAML document in it (1 is the first). */
export interface Origin {
  readonly file: string
  readonly document: number
}

export interface Metadata extends JsonObject {
  readonly name: string
  readonly namespace?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

/** One Kubernetes object as Git declares it, decoded and checked: it has an apiVersion, a kind and a name. */
export interface Manifest extends JsonObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Metadata
}

export interface RenderedObject {
  readonly manifest: Manifest
  readonly origin: Origin
}

/** An object as the API server returned it: like Manifest, with whatever else it carries. */
export interface LiveObject extends JsonObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Metadata & { readonly uid?: string; readonly resourceVersion?: string; readonly generation?: number }
  readonly status?: Json
}

/** The API group of an apiVersion: `apps/v1` → `apps`, `v1` → ``. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/')
  return slash < 0 ? '' : apiVersion.slice(0, slash)
}

/** The version of an apiVersion: `apps/v1` → `v1`. */
export function versionOf(apiVersion: string): string {
  return apiVersion.slice(apiVersion.indexOf('/') + 1)
}

export function objectIdOf(manifest: Manifest): ObjectId {
  return {
    group: groupOf(manifest.apiVersion),
    kind: manifest.kind,
    namespace: manifest.metadata.namespace ?? '',
    name: manifest.metadata.name,
  }
}

export function objectKey(id: ObjectId): ObjectKey {
  return `${id.group}/${id.kind}/${id.namespace}/${id.name}`
}

export function groupKindKey({ group, kind }: GroupKind): string {
  return `${group}/${kind}`
}

/** The name users read in messages: `Deployment/shop/api`, `Namespace/shop`. */
export function displayName(id: ObjectId): string {
  return id.namespace === '' ? `${id.kind}/${id.name}` : `${id.kind}/${id.namespace}/${id.name}`
}

/** Where a message points to: `apps/api.yaml` or, past the first document, `apps/api.yaml (document 3)`. */
export function displayOrigin(origin: Origin): string {
  return origin.document > 1 ? `${origin.file} (document ${origin.document})` : origin.file
}
