import type { GroupKind } from '../model/object.ts'
import type { PlannedChange } from '../model/plan.ts'

const DEFINITIONS = new Set(['apiextensions.k8s.io/CustomResourceDefinition', '/Namespace', 'rbac.authorization.k8s.io/ClusterRole'])

// Admission comes last: a webhook that is registered before its backend runs refuses the rest of its own commit.
const ADMISSION = new Set([
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration',
  'admissionregistration.k8s.io/MutatingWebhookConfiguration',
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy',
  'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding',
  'admissionregistration.k8s.io/MutatingAdmissionPolicy',
  'admissionregistration.k8s.io/MutatingAdmissionPolicyBinding',
  'apiregistration.k8s.io/APIService',
])

// Inside a stage nothing waits; requests merely start in this order, so that a Pod finds what it mounts.
const START_ORDER = [
  'CustomResourceDefinition',
  'Namespace',
  'ClusterRole',
  'NetworkPolicy',
  'ResourceQuota',
  'LimitRange',
  'PodDisruptionBudget',
  'ServiceAccount',
  'Secret',
  'ConfigMap',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'ClusterRoleBinding',
  'Role',
  'RoleBinding',
  'Service',
]

/**
 * The stage in which an object of this kind is written: 0 definitions, 1 classes, 2 everything else, 3 admission. A stage starts
 * when every object of the one before has been written; deletes go the other way round.
 */
export function stageOf({ group, kind }: GroupKind): number {
  const key = `${group}/${kind}`
  if (DEFINITIONS.has(key)) return 0
  if (kind.endsWith('Class') && (group === '' || group.endsWith('.k8s.io'))) return 1
  return ADMISSION.has(key) ? 3 : 2
}

/** Sorts within a stage: what others mount or refer to starts first. */
export function startOrder({ kind }: GroupKind): number {
  const index = START_ORDER.indexOf(kind)
  return index < 0 ? START_ORDER.length : index
}

/** Where something stands in the order: one wave of one stage. */
export interface Place {
  readonly stage: number
  readonly wave: number
}

/** What is written side by side. */
export interface Step extends Place {
  readonly changes: readonly PlannedChange[]
}

/**
 * The steps of these changes in the order in which they are applied; deletes take them the other way round. `more`: places that are gone
 * through although nothing is written there.
 */
export function stepsOf(changes: readonly PlannedChange[], more: readonly Place[] = []): Step[] {
  const steps = new Map<string, Place & { changes: PlannedChange[] }>()
  const at = ({ stage, wave = 0 }: { readonly stage: number; readonly wave?: number }): PlannedChange[] => {
    const step = steps.get(`${stage}/${wave}`) ?? { stage, wave, changes: [] }
    steps.set(`${stage}/${wave}`, step)
    return step.changes
  }
  for (const change of changes) at(change).push(change)
  for (const place of more) at(place)
  return [...steps.values()].sort(byStageAndWave)
}

/** Sorts changes as they are applied. */
export function byStep(a: PlannedChange, b: PlannedChange): number {
  return byStageAndWave(a, b) || startOrder(a.object) - startOrder(b.object)
}

/** Sorts by stage, then by wave. */
export function byStageAndWave(
  a: { readonly stage: number; readonly wave?: number },
  b: { readonly stage: number; readonly wave?: number },
): number {
  return a.stage - b.stage || (a.wave ?? 0) - (b.wave ?? 0)
}
