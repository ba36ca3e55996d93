import { sha256 } from '../model/digest.ts'
import { canonicalJson, isJsonObject, type Json } from '../model/json.ts'
import { createKindCatalog, type KindCatalog, type ResourceKind } from '../model/kinds.ts'
import { PART_OF_LABEL } from '../model/names.ts'
import { displayOrigin, groupOf, objectIdOf, objectKey, versionOf } from '../model/object.ts'
import type { Manifest, ObjectId, ObjectKey, Origin, RenderedObject } from '../model/object.ts'
import { waveOf } from './annotations.ts'

/** An object as Git wants it in this cluster, ready to be sent. */
export interface DesiredObject {
  readonly object: ObjectId
  readonly key: ObjectKey
  readonly manifest: Manifest
  /** sha256 of the canonical manifest. */
  readonly sent: string
  readonly origin: Origin
  /** The kind as the cluster serves it; undefined where neither the cluster nor this commit knows it. */
  readonly resource: ResourceKind | undefined
  /** Its CRD is part of this commit and not served yet. */
  readonly awaitsDefinition: boolean
  /** Smaller ones first, inside a stage. */
  readonly wave: number
}

export interface Desired {
  readonly objects: readonly DesiredObject[]
  readonly warnings: readonly string[]
  /** Two documents that turn out to be the same object once namespaces are filled in. */
  readonly duplicates: readonly { readonly object: ObjectId; readonly first: Origin; readonly second: Origin }[]
}

/**
 * Fills in what only the destination knows: default namespaces, the membership label, the served kind. `beside`: what else is in the commit and
 * may define a kind.
 */
export function desire(
  rendered: readonly RenderedObject[],
  destination: { readonly namespace: string; readonly applySet: string; readonly catalog: KindCatalog },
  beside: readonly RenderedObject[] = [],
): Desired {
  const fromCommit = createKindCatalog([...rendered, ...beside].flatMap(({ manifest }) => definedKinds(manifest)))
  const objects = new Map<ObjectKey, DesiredObject>()
  const warnings: string[] = []
  const duplicates: { object: ObjectId; first: Origin; second: Origin }[] = []
  for (const { manifest, origin } of rendered) {
    const kind = { group: groupOf(manifest.apiVersion), kind: manifest.kind }
    const version = versionOf(manifest.apiVersion)
    const served = destination.catalog.find(kind, version)
    const resource = served ?? fromCommit.find(kind, version)
    const placed = place(manifest, resource, destination.namespace)
    if (placed.dropped)
      warnings.push(`${displayOrigin(origin)}: ${manifest.kind}/${manifest.metadata.name} is cluster-scoped: its namespace is ignored`)
    const labelled = label(placed.manifest, destination.applySet)
    const object = objectIdOf(labelled)
    const key = objectKey(object)
    const first = objects.get(key)
    if (first !== undefined) {
      duplicates.push({ object, first: first.origin, second: origin })
      continue
    }
    const sent = sha256(canonicalJson(labelled))
    objects.set(key, {
      object,
      key,
      manifest: labelled,
      sent,
      origin,
      resource,
      awaitsDefinition: served === undefined && resource !== undefined,
      wave: waveOf(labelled.metadata.annotations),
    })
  }
  return { objects: [...objects.values()], warnings, duplicates }
}

function place(manifest: Manifest, resource: ResourceKind | undefined, namespace: string): { manifest: Manifest; dropped: boolean } {
  const { namespace: written, ...rest } = manifest.metadata
  if (resource?.namespaced === false) {
    return { manifest: { ...manifest, metadata: { ...rest, name: manifest.metadata.name } }, dropped: written !== undefined }
  }
  if (written !== undefined || resource === undefined) return { manifest, dropped: false }
  return { manifest: { ...manifest, metadata: { ...manifest.metadata, namespace } }, dropped: false }
}

function label(manifest: Manifest, applySet: string): Manifest {
  return { ...manifest, metadata: { ...manifest.metadata, labels: { ...manifest.metadata.labels, [PART_OF_LABEL]: applySet } } }
}

/** The kinds that a CustomResourceDefinition will serve once it is established. */
export function definedKinds(manifest: Manifest): ResourceKind[] {
  if (manifest.kind !== 'CustomResourceDefinition' || !isJsonObject(manifest.spec)) return []
  const { group, names, scope, versions } = manifest.spec
  if (typeof group !== 'string' || !isJsonObject(names) || typeof names.kind !== 'string' || typeof names.plural !== 'string') return []
  const { kind, plural } = names
  return (Array.isArray(versions) ? versions : []).flatMap((version: Json) =>
    isJsonObject(version) && version.served === true && typeof version.name === 'string'
      ? [
          {
            group,
            version: version.name,
            kind,
            resource: plural,
            namespaced: scope === 'Namespaced',
            verbs: ['list', 'patch', 'delete'],
            hasStatus: isJsonObject(version.subresources) && version.subresources.status !== undefined,
          },
        ]
      : [],
  )
}
