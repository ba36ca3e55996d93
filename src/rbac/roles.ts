import type { Application, Cluster } from '../model/configuration.ts'
import type { Manifest } from '../model/object.ts'
import type { GrantedKind } from './built-in-kinds.ts'
import { applyRules, definitionRules, INVENTORY_RULES, namespaceRules, observeRules, type Rule } from './rules.ts'

export interface RolesRequest {
  readonly cluster: Pick<Cluster, 'namespaces'>
  /** Those of this cluster. */
  readonly applications: readonly Application[]
  readonly kinds: readonly GrantedKind[]
  /** The worker's ServiceAccount in this cluster. */
  readonly subject: { readonly namespace: string; readonly name: string }
  readonly inventoryNamespace: string
  /** Begins the names: two installations may share a cluster. */
  readonly installation: string
}

const API = 'rbac.authorization.k8s.io'

/** The roles that a worker needs for some applications in one cluster, and their bindings, ready to be applied. */
export function rolesFor(request: RolesRequest): readonly Manifest[] {
  const { cluster, inventoryNamespace, installation } = request
  const exists = cluster.namespaces?.includes(inventoryNamespace) === true
  const namespace: Manifest = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: inventoryNamespace } }
  return [
    ...(exists ? [] : [namespace]),
    ...granted(`${installation}-inventory`, inventoryNamespace, INVENTORY_RULES, request),
    ...(cluster.namespaces === undefined ? clusterWide(request) : confined(request, cluster.namespaces)),
    ...impersonation(request),
  ]
}

function clusterWide(request: RolesRequest): readonly Manifest[] {
  const { kinds, applications, installation } = request
  const namespaces = namespaceRules(kinds, applications)
  const observe = [...observeRules(kinds, applications), ...namespaces.observe, ...definitionRules(kinds)]
  return [
    ...granted(`${installation}-observe`, '', observe, request),
    ...granted(`${installation}-apply`, '', writesItself(applications) ? [...applyRules(kinds), ...namespaces.apply] : [], request),
  ]
}

/** Only namespaces are granted: what is cluster-scoped is refused there, and no namespace is created. */
function confined(request: RolesRequest, namespaces: readonly string[]): readonly Manifest[] {
  const { applications, installation } = request
  const kinds = request.kinds.filter(({ namespaced }) => namespaced)
  return namespaces.flatMap((namespace) => [
    ...granted(`${installation}-observe`, namespace, observeRules(kinds, applications), request),
    ...granted(`${installation}-apply`, namespace, writesItself(applications) ? applyRules(kinds) : [], request),
  ])
}

/** Whether an application is written by the worker's own rights. */
function writesItself(applications: readonly Application[]): boolean {
  return applications.length === 0 || applications.some(({ destination }) => destination.serviceAccount === undefined)
}

/** To act in the name of the applications' service accounts, and of no other. */
function impersonation(request: RolesRequest): readonly Manifest[] {
  const accounts = request.applications.flatMap(({ destination: { namespace, serviceAccount } }) =>
    serviceAccount === undefined ? [] : [{ namespace, serviceAccount }],
  )
  return [...Map.groupBy(accounts, ({ namespace }) => namespace)].flatMap(([namespace, of]) => {
    const resourceNames = [...new Set(of.map(({ serviceAccount }) => serviceAccount))].sort()
    const rule = { apiGroups: [''], resources: ['serviceaccounts'], resourceNames, verbs: ['impersonate'] }
    return granted(`${request.installation}-impersonate`, namespace, [rule], request)
  })
}

/** A role and its binding, in one namespace or ('') in the whole cluster; nothing where there is nothing to grant. */
function granted(name: string, namespace: string, rules: readonly Rule[], { subject }: RolesRequest): readonly Manifest[] {
  if (rules.length === 0) return []
  const kind = namespace === '' ? 'ClusterRole' : 'Role'
  const metadata = { name, ...(namespace !== '' && { namespace }) }
  return [
    { apiVersion: `${API}/v1`, kind, metadata, rules },
    {
      apiVersion: `${API}/v1`,
      kind: `${kind}Binding`,
      metadata,
      roleRef: { apiGroup: API, kind, name },
      subjects: [{ kind: 'ServiceAccount', ...subject }],
    },
  ]
}
