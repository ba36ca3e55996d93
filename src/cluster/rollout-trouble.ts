import { at, integerAt, listAt, textAt } from '../health/fields.ts'
import { podDelay, podEnd, podTrouble, type PodTrouble } from '../health/pod.ts'
import { isJsonObject } from '../model/json.ts'
import type { ResourceKind } from '../model/kinds.ts'
import type { LiveObject } from '../model/object.ts'
import type { ClusterConnection } from './connect.ts'
import type { Trouble } from './health-board.ts'
import { listObjects } from './list.ts'
import { readPodLog } from './pod-log.ts'
import { createSemaphore } from '../model/semaphore.ts'

const PODS = coreKind('Pod', 'pods')
const REPLICA_SETS = appsKind('ReplicaSet', 'replicasets')
const REVISIONS = appsKind('ControllerRevision', 'controllerrevisions')

/** At once and in one cluster: looking must not keep syncs from their requests. */
const LOOKS_AT_ONCE = 4

export interface LookOptions {
  readonly signal: AbortSignal
  /** Makes what a container wrote fit to be shown; without it no log is read. */
  readonly maskLog?: (text: string) => string
}

/** Looks at Pods for why a workload does not come up. Undefined where they may yet, or cannot be looked at; throws only the signal's reason. */
export interface Troubleshooter {
  /** Why the newest Pods of a rollout will not come up by themselves. Those of earlier revisions do not count: a broken commit must not fail its fix. */
  ofRollout(workload: LiveObject, options: LookOptions): Promise<Trouble | undefined>
  /** The same for what has failed by its own status: a rollout, a Job, a Pod. */
  ofFailure(object: LiveObject, options: LookOptions): Promise<Trouble | undefined>
}

export function createTroubleshooter(connection: ClusterConnection): Troubleshooter {
  const places = createSemaphore(LOOKS_AT_ONCE)

  async function inTurn<Value>(signal: AbortSignal, look: () => Promise<Value>): Promise<Value> {
    const leave = await places.acquire(signal)
    try {
      return await look()
    } finally {
      leave()
    }
  }

  async function newestPods(workload: LiveObject, signal: AbortSignal): Promise<readonly LiveObject[]> {
    const selector = selectorText(workload)
    if (selector === '' || integerAt(workload, 'status', 'observedGeneration') !== integerAt(workload, 'metadata', 'generation')) return []
    const revision = await newestRevision(connection, workload, selector, signal)
    return revision === undefined ? [] : await read(connection, PODS, workload, `${selector},${revision}`, signal)
  }

  async function tell(pod: LiveObject, found: PodTrouble, { signal, maskLog }: LookOptions, prefix: string): Promise<Trouble> {
    const { container, message } = found
    const log = container === undefined || maskLog === undefined ? [] : await readPodLog(connection, pod, container, maskLog, signal)
    return { reason: `${prefix}${message}`, log }
  }

  async function ofPods(pods: readonly LiveObject[], judge: Judge, options: LookOptions): Promise<Trouble | undefined> {
    for (const pod of pods) {
      const found = textAt(pod, 'metadata', 'deletionTimestamp') === '' ? judge(pod, connection.serverTime()) : undefined
      if (found !== undefined) return await tell(pod, found, options, `Pod ${pod.metadata.name}: `)
    }
    return undefined
  }

  return {
    ofRollout: (workload, options) =>
      inTurn(options.signal, async () => ofPods(await newestPods(workload, options.signal), podTrouble, options)),
    ofFailure: (object, options) =>
      inTurn(options.signal, async () => {
        if (object.kind === 'Pod') {
          const found = podTrouble(object, connection.serverTime())
          return found && { ...(await tell(object, found, options, '')), reason: '' }
        }
        if (object.kind !== 'Job') return ofPods(await newestPods(object, options.signal), podDelay, options)
        const pods = await read(connection, PODS, object, selectorText(object), options.signal)
        return ofPods(pods.toSorted(youngestFirst), podEnd, options)
      }),
  }
}

type Judge = (pod: LiveObject, now: number) => PodTrouble | undefined

function youngestFirst(a: LiveObject, b: LiveObject): number {
  return Date.parse(textAt(b, 'metadata', 'creationTimestamp')) - Date.parse(textAt(a, 'metadata', 'creationTimestamp'))
}

/** Whether a kind has newest Pods that can be told from the others. */
export function hasRollout(object: LiveObject): boolean {
  return object.apiVersion.startsWith('apps/') && ['Deployment', 'StatefulSet', 'DaemonSet'].includes(object.kind)
}

/** Whether there are Pods that know more about a failure. */
export function hasPods(object: LiveObject): boolean {
  return hasRollout(object) || object.apiVersion === 'batch/v1' || (object.apiVersion === 'v1' && object.kind === 'Pod')
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
  return { group: '', version: 'v1', kind, resource, namespaced: true, verbs: ['list'], hasStatus: true }
}

function appsKind(kind: string, resource: string): ResourceKind {
  return { ...coreKind(kind, resource), group: 'apps' }
}
