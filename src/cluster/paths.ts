import type { ResourceKind } from '../model/kinds.ts'

/** `/api/v1/configmaps`, `/apis/apps/v1/namespaces/shop/deployments`: a collection, of one namespace or of all. */
export function collectionPath({ group, version, resource }: ResourceKind, namespace = ''): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  return namespace === '' ? `${root}/${resource}` : `${root}/namespaces/${encodeURIComponent(namespace)}/${resource}`
}

/** One object. */
export function objectPath(resource: ResourceKind, namespace: string, name: string): string {
  return `${collectionPath(resource, resource.namespaced ? namespace : '')}/${encodeURIComponent(name)}`
}
