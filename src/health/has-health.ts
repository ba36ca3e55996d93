import type { GroupKind } from '../model/object.ts'

/** Groups of Kubernetes itself, except those whose every kind has health. */
const BUILT_IN_GROUPS: ReadonlySet<string> = new Set([
  '',
  'admissionregistration.k8s.io',
  'apps',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'coordination.k8s.io',
  'discovery.k8s.io',
  'events.k8s.io',
  'flowcontrol.apiserver.k8s.io',
  'networking.k8s.io',
  'node.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'resource.k8s.io',
  'scheduling.k8s.io',
  'storage.k8s.io',
])

const BUILT_IN_WITH_HEALTH: ReadonlySet<string> = new Set([
  '/Namespace',
  '/PersistentVolume',
  '/PersistentVolumeClaim',
  '/Pod',
  '/ReplicationController',
  '/Service',
  'apps/DaemonSet',
  'apps/Deployment',
  'apps/ReplicaSet',
  'apps/StatefulSet',
  'batch/Job',
  'policy/PodDisruptionBudget',
])

/**
 * Whether objects of a kind can be anything but current while they exist, so that waiting for the others can be saved.
 * Of a custom resource nothing is known before it is looked at.
 */
export function hasHealth({ group, kind }: GroupKind): boolean {
  return !BUILT_IN_GROUPS.has(group) || BUILT_IN_WITH_HEALTH.has(`${group}/${kind}`)
}
