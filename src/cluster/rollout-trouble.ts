import { at, integerAt, listAt, textAt } from '../health/fields.ts'
import { podTrouble } from '../health/pod.ts'
import { isJsonObject } from '../model/json.ts'
import type { ResourceKind } from '../model/kinds.ts'
import type { LiveObject } from '../model/object.ts'
import type { ClusterConnection } from './connect.ts'
import { listObjects } from './list.ts'

const PODS = coreKind('Pod', 'pods')
const REPLICA_SETS = appsKind('ReplicaSet', 'replicasets')
const REVISIONS = appsKind('ControllerRevision', 'controllerrevisions')

/**
 * Why the newest Pods of a rollout will not come up by themselves, in a sentence for people; undefined while they may, or where
 * they cannot be looked at. Pods of earlier revisions do not count: a broken commit must not fail its fix.
 */
export async function rolloutTrouble(
  connection: ClusterConnection,
  workload: LiveObject,
  signal: AbortSignal,
): Promise<string | undefined> {
  const selector = selectorText(workload)
  if (selector === '' || integerAt(workload, 'status', 'observedGeneration') !== integerAt(workload, 'metadata', 'generation'))
    return undefined
  const newest = await newestRevision(connection, workload, selector, signal)
  if (newest === undefined) return undefined
  for (const pod of await read(connection, PODS, workload, `${selector},${newest}`, signal)) {
    const trouble = textAt(pod, 'metadata', 'deletionTimestamp') === '' ? podTrouble(pod, connection.serverTime()) : undefined
    if (trouble !== undefined) return `Pod ${pod.metadata.name}: ${trouble}`
  }
  return undefined
}

/** Whether a kind has Pods that rolloutTrouble can judge. */
export function hasRollout(object: LiveObject): boolean {
  return object.apiVersion.startsWith('apps/') && ['Deployment', 'StatefulSet', 'DaemonSet'].includes(object.kind)
}

/** The label that only Pods of the newest revision carry, as a selector. */
async function newestRevision(
  connection: ClusterConnection,
  workload: LiveObject,
  selector: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (workload.kind === 'StatefulSet') {
    const revision = textAt(workload, 'status', 'updateRevision')
    return revision === '' ? undefined : `controller-revision-hash=${revision}`
  }
  const label = workload.kind === 'Deployment' ? 'pod-template-hash' : 'controller-revision-hash'
  const kind = workload.kind === 'Deployment' ? REPLICA_SETS : REVISIONS
  const owned = (await read(connection, kind, workload, selector, signal)).filter((candidate) => isOwned(candidate, workload))
  const [newest] = owned.toSorted((a, b) => revisionOf(b) - revisionOf(a))
  const hash = textAt(newest, 'metadata', 'labels', label)
  return hash === '' ? undefined : `${label}=${hash}`
}

function revisionOf(object: LiveObject): number {
  return integerAt(object, 'revision') ?? Number(textAt(object, 'metadata', 'annotations', 'deployment.kubernetes.io/revision'))
}

function isOwned(object: LiveObject, owner: LiveObject): boolean {
  return listAt(object, 'metadata', 'ownerReferences').some((reference) => textAt(reference, 'uid') === owner.metadata.uid)
}

/** A worker may lack the right to read Pods: then only the workload's own status counts. */
async function read(
  connection: ClusterConnection,
  kind: ResourceKind,
  workload: LiveObject,
  selector: string,
  signal: AbortSignal,
): Promise<readonly LiveObject[]> {
  const listed = await listObjects(connection, kind, selector, signal, workload.metadata.namespace ?? '')
  return 'objects' in listed ? listed.objects : []
}

/** `spec.selector` in the form of a query; '' where there is none. */
function selectorText(workload: LiveObject): string {
  const labels = at(workload, 'spec', 'selector', 'matchLabels')
  const equal = isJsonObject(labels) ? Object.keys(labels).map((key) => `${key}=${textAt(labels, key)}`) : []
  const expressions = listAt(workload, 'spec', 'selector', 'matchExpressions').map((expression) => {
    const key = textAt(expression, 'key')
    const values = listAt(expression, 'values')
      .filter((value) => typeof value === 'string')
      .join(',')
    switch (textAt(expression, 'operator')) {
      case 'In':
        return `${key} in (${values})`
      case 'NotIn':
        return `${key} notin (${values})`
      case 'DoesNotExist':
        return `!${key}`
      default:
        return key
    }
  })
  return [...equal, ...expressions].join(',')
}

function coreKind(kind: string, resource: string): ResourceKind {
  return { group: '', version: 'v1', kind, resource, namespaced: true, verbs: ['list'] }
}

function appsKind(kind: string, resource: string): ResourceKind {
  return { ...coreKind(kind, resource), group: 'apps' }
}
