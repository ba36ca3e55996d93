import type { GroupKind } from '../model/object.ts'

/** A kind as roles name it. */
export interface GrantedKind {
  readonly group: string
  /** Plural, as it stands in paths; '*' where only the group is known. */
  readonly resource: string
  readonly namespaced: boolean
  /** Hooks are of this kind: their end is waited for, however long an application's health is. */
  readonly isAwaited?: boolean
}

interface Scopes {
  readonly namespaced?: readonly string[]
  readonly cluster?: readonly string[]
}

/** What every API server serves, by group: roles can so be written without asking one. A test holds it to the real one. */
const KINDS: Readonly<Record<string, Scopes>> = {
  '': {
    namespaced: [
      'ConfigMap',
      'Endpoints',
      'Event',
      'LimitRange',
      'PersistentVolumeClaim',
      'Pod',
      'PodTemplate',
      'ReplicationController',
      'ResourceQuota',
      'Secret',
      'Service',
      'ServiceAccount',
    ],
    cluster: ['Namespace', 'Node', 'PersistentVolume'],
  },
  'admissionregistration.k8s.io': {
    cluster: [
      'MutatingAdmissionPolicy',
      'MutatingAdmissionPolicyBinding',
      'MutatingWebhookConfiguration',
      'ValidatingAdmissionPolicy',
      'ValidatingAdmissionPolicyBinding',
      'ValidatingWebhookConfiguration',
    ],
  },
  'apiextensions.k8s.io': { cluster: ['CustomResourceDefinition'] },
  'apiregistration.k8s.io': { cluster: ['APIService'] },
  apps: { namespaced: ['ControllerRevision', 'DaemonSet', 'Deployment', 'ReplicaSet', 'StatefulSet'] },
  autoscaling: { namespaced: ['HorizontalPodAutoscaler'] },
  batch: { namespaced: ['CronJob', 'Job'] },
  'certificates.k8s.io': { namespaced: ['PodCertificateRequest'], cluster: ['CertificateSigningRequest', 'ClusterTrustBundle'] },
  'coordination.k8s.io': { namespaced: ['Lease'] },
  'discovery.k8s.io': { namespaced: ['EndpointSlice'] },
  'events.k8s.io': { namespaced: ['Event'] },
  'flowcontrol.apiserver.k8s.io': { cluster: ['FlowSchema', 'PriorityLevelConfiguration'] },
  'networking.k8s.io': { namespaced: ['Ingress', 'NetworkPolicy'], cluster: ['IngressClass', 'IPAddress', 'ServiceCIDR'] },
  'node.k8s.io': { cluster: ['RuntimeClass'] },
  policy: { namespaced: ['PodDisruptionBudget'] },
  'rbac.authorization.k8s.io': { namespaced: ['Role', 'RoleBinding'], cluster: ['ClusterRole', 'ClusterRoleBinding'] },
  'resource.k8s.io': { namespaced: ['ResourceClaim', 'ResourceClaimTemplate'], cluster: ['DeviceClass', 'ResourceSlice'] },
  'scheduling.k8s.io': { cluster: ['PriorityClass'] },
  'storage.k8s.io': {
    namespaced: ['CSIStorageCapacity'],
    cluster: ['CSIDriver', 'CSINode', 'StorageClass', 'VolumeAttachment', 'VolumeAttributesClass'],
  },
}

/** A built-in kind; undefined for custom ones. */
export function builtInKind({ group, kind }: GroupKind): GrantedKind | undefined {
  const scopes = isBuiltInGroup(group) ? KINDS[group] : undefined
  const namespaced = scopes?.namespaced?.includes(kind) === true
  if (!namespaced && scopes?.cluster?.includes(kind) !== true) return undefined
  return { group, resource: plural(kind.toLowerCase()), namespaced }
}

export function isBuiltInGroup(group: string): boolean {
  return Object.hasOwn(KINDS, group)
}

function plural(kind: string): string {
  if (kind === 'endpoints') return kind
  if (kind.endsWith('s')) return `${kind}es`
  return /[^aeiou]y$/.test(kind) ? `${kind.slice(0, -1)}ies` : `${kind}s`
}
