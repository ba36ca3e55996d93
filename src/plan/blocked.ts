import { isJsonObject, type Json, type JsonObject } from '../model/json.ts'
import { displayName, groupOf, objectKey, type Manifest, type ObjectId, type ObjectKey } from '../model/object.ts'
import type { PlannedChange } from '../model/plan.ts'
import type { DesiredObject } from './desired.ts'

/**
 * The changes of a plan that goes on although some objects failed: whatever needs one of those waits for it. So a Deployment never
 * starts with half of its configuration, and the rest of the commit is not held up. `before` adds what failed, or was
 * blocked, earlier in the same run.
 */
export function block(
  changes: readonly PlannedChange[],
  desired: readonly DesiredObject[],
  before: readonly PlannedChange[] = [],
): readonly PlannedChange[] {
  const failed = [...before, ...changes.filter(({ action }) => action === 'failed')]
  const broken = new Map(failed.map((change) => [objectKey(change.object), change]))
  if (broken.size === 0) return changes
  const needs = needsOf(desired)
  const blocked = new Map<ObjectKey, PlannedChange>()
  // What waits is missing to others in turn: again until nothing more is found.
  for (let found = -1; found !== blocked.size;) {
    found = blocked.size
    for (const change of changes) {
      const key = objectKey(change.object)
      if (change.operation.verb !== 'apply' || blocked.has(key)) continue
      const missing = needs(key).find((need) => broken.has(need) || blocked.has(need))
      const cause = missing === undefined ? undefined : (broken.get(missing) ?? blocked.get(missing))
      if (cause !== undefined) blocked.set(key, blockedBy(change, cause))
    }
  }
  return changes.map((change) => blocked.get(objectKey(change.object)) ?? change)
}

function blockedBy(change: PlannedChange, cause: PlannedChange): PlannedChange {
  const why = cause.action === 'failed' ? 'failed' : 'is blocked itself'
  return {
    ...change,
    action: 'skipped',
    reason: `blocked by ${displayName(cause.object)}, which ${why}`,
    operation: { verb: 'none' },
    blocked: true,
  }
}

/**
 * Splits the changes of one stage into groups that are written one after another: what others of the stage need comes before them.
 * Only a plan that goes on after a failure is in need of it.
 */
export function needFirst(changes: readonly PlannedChange[], desired: readonly DesiredObject[]): readonly (readonly PlannedChange[])[] {
  const needs = needsOf(desired)
  const groups: PlannedChange[][] = []
  let rest = changes
  while (rest.length > 0) {
    const open = new Set(rest.map(({ object }) => objectKey(object)))
    const isReady = ({ object }: PlannedChange): boolean =>
      !needs(objectKey(object)).some((need) => need !== objectKey(object) && open.has(need))
    const ready = rest.filter(isReady)
    // Objects that need each other go together.
    if (ready.length === 0) return [...groups, [...rest]]
    groups.push(ready)
    rest = rest.filter((change) => !ready.includes(change))
  }
  return groups
}

/** For each object of the commit, those that it cannot do without: its namespace, its definition, and what it refers to by name. */
function needsOf(desired: readonly DesiredObject[]): (key: ObjectKey) => readonly ObjectKey[] {
  const manifests = new Map(desired.map(({ key, manifest }) => [key, manifest]))
  const definitions = new Map(desired.flatMap(({ key, manifest }) => definedKind(manifest).map((kind) => [kind, key])))
  return (key) => {
    const manifest = manifests.get(key)
    if (manifest === undefined) return []
    const definition = definitions.get(`${groupOf(manifest.apiVersion)}/${manifest.kind}`)
    const { namespace } = manifest.metadata
    return [
      ...(definition === undefined ? [] : [definition]),
      ...core('Namespace', '', namespace),
      ...references(manifest, namespace ?? ''),
    ]
  }
}

function definedKind({ kind, spec }: Manifest): string[] {
  if (kind !== 'CustomResourceDefinition' || !isJsonObject(spec) || !isJsonObject(spec.names)) return []
  return [`${String(spec.group)}/${String(spec.names.kind)}`]
}

function core(kind: string, namespace: string, name: Json | undefined): ObjectKey[] {
  return named({ group: '', kind, namespace }, name)
}

function named(kind: Omit<ObjectId, 'name'>, name: Json | undefined): ObjectKey[] {
  return typeof name === 'string' ? [objectKey({ ...kind, name })] : []
}

function references(manifest: Manifest, namespace: string): ObjectKey[] {
  const { kind, spec, roleRef } = manifest
  if ((kind === 'RoleBinding' || kind === 'ClusterRoleBinding') && isJsonObject(roleRef)) {
    const scope = roleRef.kind === 'Role' ? namespace : ''
    return named({ group: 'rbac.authorization.k8s.io', kind: String(roleRef.kind), namespace: scope }, roleRef.name)
  }
  if (kind === 'PersistentVolumeClaim' && isJsonObject(spec)) {
    const storage = { group: 'storage.k8s.io', kind: 'StorageClass', namespace: '' }
    return [...named(storage, spec.storageClassName), ...core('PersistentVolume', '', spec.volumeName)]
  }
  return podSpecs(manifest).flatMap((pod) => podReferences(pod, namespace))
}

/** The Pod specifications in a workload of the built-in kinds, however deep its template stands. */
function podSpecs({ kind, spec }: Manifest): JsonObject[] {
  if (!isJsonObject(spec)) return []
  if (kind === 'Pod') return [spec]
  const job = isJsonObject(spec.jobTemplate) && isJsonObject(spec.jobTemplate.spec) ? spec.jobTemplate.spec : spec
  return isJsonObject(job.template) && isJsonObject(job.template.spec) ? [job.template.spec] : []
}

/** A reference that is marked optional is none: the Pod starts without it. */
function podReferences(pod: JsonObject, namespace: string): ObjectKey[] {
  const found: ObjectKey[] = []
  const add = (kind: string, reference: Json | undefined, field: string): void => {
    if (isJsonObject(reference) && reference.optional !== true) found.push(...core(kind, namespace, reference[field]))
  }
  add('ServiceAccount', pod, 'serviceAccountName')
  for (const secret of objects(pod.imagePullSecrets)) add('Secret', secret, 'name')
  for (const volume of objects(pod.volumes)) {
    const projected = isJsonObject(volume.projected) ? objects(volume.projected.sources) : []
    add('PersistentVolumeClaim', volume.persistentVolumeClaim, 'claimName')
    add('Secret', volume.secret, 'secretName')
    for (const source of [volume, ...projected]) add('ConfigMap', source.configMap, 'name')
    for (const source of projected) add('Secret', source.secret, 'name')
  }
  for (const container of [...objects(pod.initContainers), ...objects(pod.containers)]) {
    const sources = objects(container.env).flatMap(({ valueFrom }) => (isJsonObject(valueFrom) ? [valueFrom] : []))
    for (const source of sources) {
      add('ConfigMap', source.configMapKeyRef, 'name')
      add('Secret', source.secretKeyRef, 'name')
    }
    for (const source of objects(container.envFrom)) {
      add('ConfigMap', source.configMapRef, 'name')
      add('Secret', source.secretRef, 'name')
    }
  }
  return found
}

function objects(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter((item: Json): item is JsonObject => isJsonObject(item)) : []
}
