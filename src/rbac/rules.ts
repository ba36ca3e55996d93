import type { Application } from '../model/configuration.ts'
import type { JsonObject } from '../model/json.ts'
import { isBuiltInGroup, type GrantedKind } from './built-in-kinds.ts'

/** One rule of a Role. */
export interface Rule extends JsonObject {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
}

/** Every kind, where nobody said which. */
export const EVERYTHING: readonly GrantedKind[] = [{ group: '*', resource: '*', namespaced: true }]

const OBSERVE = ['get', 'list', 'watch']
/** An apply that creates needs `create` besides `patch`. */
const APPLY = ['create', 'patch', 'delete']

export const INVENTORY_RULES: readonly Rule[] = [
  { apiGroups: [''], resources: ['secrets'], verbs: ['list', 'create', 'update', 'delete'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
]

/** Looking at what was applied, and at what tells whether it is well. */
export function observeRules(kinds: readonly GrantedKind[], applications: readonly Application[]): readonly Rule[] {
  return [...kindRules(kinds, OBSERVE), ...healthRules(kinds, applications)]
}

export function applyRules(kinds: readonly GrantedKind[]): readonly Rule[] {
  return kindRules(kinds, APPLY)
}

/** Destination namespaces: whether they are there, and their creation. */
export function namespaceRules(kinds: readonly GrantedKind[], applications: readonly Application[]): { observe: Rule[]; apply: Rule[] } {
  if (grants(kinds, '', 'namespaces')) return { observe: [], apply: [] }
  const rule = (verbs: readonly string[], wanted: (application: Application) => boolean): Rule[] => {
    const names = applications.filter(wanted).map(({ destination }) => destination.namespace)
    return names.length === 0
      ? []
      : [{ apiGroups: [''], resources: ['namespaces'], resourceNames: [...new Set(names)].sort(), verbs: [...verbs] }]
  }
  return {
    observe: rule(['get'], () => true),
    apply: rule(['create', 'patch'], ({ destination }) => destination.createNamespace && destination.serviceAccount === undefined),
  }
}

/** The definitions of custom kinds: what they keep may change without a trace on the objects. */
export function definitionRules(kinds: readonly GrantedKind[]): readonly Rule[] {
  const [apiGroups, resources] = [['apiextensions.k8s.io'], ['customresourcedefinitions']]
  const custom = kinds.filter(({ group }) => group !== '*' && !isBuiltInGroup(group))
  if (custom.length === 0 || grants(kinds, 'apiextensions.k8s.io', 'customresourcedefinitions')) return []
  const rule = { apiGroups, resources, verbs: ['get'] }
  if (custom.some(({ resource }) => resource === '*')) return [rule]
  return [{ ...rule, resourceNames: custom.map(({ group, resource }) => `${resource}.${group}`).sort() }]
}

/** Why a workload does not come up, or a hook does not end, its Pods know. */
function healthRules(kinds: readonly GrantedKind[], applications: readonly Application[]): readonly Rule[] {
  const waits = applications.filter(({ sync }) => sync.healthTimeoutMs > 0)
  const awaited = waits.length > 0 ? kinds : kinds.filter(({ isAwaited }) => isAwaited === true)
  const has = (group: string, resource: string): boolean => awaited.some((kind) => kind.group === group && kind.resource === resource)
  const list = (group: string, resource: string): Rule[] =>
    grants(kinds, group, resource) ? [] : [{ apiGroups: [group], resources: [resource], verbs: ['list'] }]
  const makesPods = [
    ['apps', 'deployments'],
    ['apps', 'statefulsets'],
    ['apps', 'daemonsets'],
    ['batch', 'jobs'],
  ] as const
  const hasWorkloads = makesPods.some(([group, resource]) => has(group, resource))
  if (!(hasWorkloads || has('', 'pods'))) return []
  const readsLogs = (waits.length > 0 ? waits : applications).some(({ sync }) => sync.podLogs !== false)
  return [
    ...(hasWorkloads ? list('', 'pods') : []),
    ...(has('apps', 'deployments') ? list('apps', 'replicasets') : []),
    ...(has('apps', 'daemonsets') ? list('apps', 'controllerrevisions') : []),
    ...(readsLogs ? [{ apiGroups: [''], resources: ['pods/log'], verbs: ['get'] }] : []),
  ]
}

function grants(kinds: readonly GrantedKind[], group: string, resource: string): boolean {
  return kinds.some((kind) => ['*', group].includes(kind.group) && ['*', resource].includes(kind.resource))
}

/** One rule per API group. */
function kindRules(kinds: readonly GrantedKind[], verbs: readonly string[]): readonly Rule[] {
  const groups = Map.groupBy(kinds, ({ group }) => group)
  return [...groups.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([group, of]) => {
      const resources = [...new Set(of.map(({ resource }) => resource))].sort()
      return { apiGroups: [group], resources: resources.includes('*') ? ['*'] : resources, verbs: [...verbs] }
    })
}
