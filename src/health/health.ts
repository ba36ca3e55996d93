import type { Health } from '../model/health.ts'
import { groupKindKey, groupOf, type LiveObject } from '../model/object.ts'
import { autoscalerHealth, disruptionBudgetHealth } from './autoscaler.ts'
import { daemonSetHealth } from './daemon-set.ts'
import { apiServiceHealth, definitionHealth } from './definitions.ts'
import { deploymentHealth } from './deployment.ts'
import { gatewayClassHealth, gatewayHealth, routeHealth } from './gateway.ts'
import { genericHealth, readyHealth } from './generic.ts'
import { jobHealth } from './job.ts'
import { serviceHealth } from './network.ts'
import { podHealth } from './pod.ts'
import { replicaSetHealth } from './replica-set.ts'
import { statefulSetHealth } from './stateful-set.ts'
import { claimHealth, volumeHealth } from './storage.ts'

const RULES: Readonly<Record<string, (object: LiveObject, now: number) => Health>> = {
  '/PersistentVolume': volumeHealth,
  '/PersistentVolumeClaim': claimHealth,
  '/Pod': podHealth,
  '/ReplicationController': replicaSetHealth,
  '/Service': serviceHealth,
  'apiextensions.k8s.io/CustomResourceDefinition': definitionHealth,
  'apiregistration.k8s.io/APIService': apiServiceHealth,
  'apps/DaemonSet': daemonSetHealth,
  'apps/Deployment': deploymentHealth,
  'apps/ReplicaSet': replicaSetHealth,
  'apps/StatefulSet': statefulSetHealth,
  'autoscaling/HorizontalPodAutoscaler': autoscalerHealth,
  'batch/Job': jobHealth,
  'gateway.networking.k8s.io/Gateway': gatewayHealth,
  'gateway.networking.k8s.io/GatewayClass': gatewayClassHealth,
  'gateway.networking.k8s.io/GRPCRoute': routeHealth,
  'gateway.networking.k8s.io/HTTPRoute': routeHealth,
  'gateway.networking.k8s.io/TCPRoute': routeHealth,
  'gateway.networking.k8s.io/TLSRoute': routeHealth,
  'gateway.networking.k8s.io/UDPRoute': routeHealth,
  'policy/PodDisruptionBudget': disruptionBudgetHealth,
}

/**
 * The health of one object as the API server returned it, by the rules of kstatus (sigs.k8s.io/cli-utils) and a few kinds that it leaves out, with messages for people.
 * `now` in milliseconds since 1970: some Pods are given time. Never `unknown`: that is for objects that could not be read.
 */
export function healthOf(object: LiveObject, now: number): Health {
  const generic = genericHealth(object)
  if (generic !== undefined) return generic
  const rule = RULES[groupKindKey({ group: groupOf(object.apiVersion), kind: object.kind })]
  return rule === undefined ? readyHealth(object) : rule(object, now)
}
