import type { Live } from './cluster-client.ts'

// Where the shop's objects are in the API of Kubernetes.

export function deployment(environment: string): string {
  return `/apis/apps/v1/namespaces/shop-${environment}/deployments/shop`
}

export function config(environment: string): string {
  return `/api/v1/namespaces/shop-${environment}/configmaps/shop`
}

export function service(environment: string): string {
  return `/api/v1/namespaces/shop-${environment}/services/shop`
}

export function banner(environment: string): string {
  return `/api/v1/namespaces/shop-${environment}/configmaps/shop-banner`
}

/** The object without what controllers report about it: equal parts mean that nobody has written it in between. */
export function writtenPart(live: Live | undefined): object | undefined {
  if (live === undefined) return undefined
  if (!('status' in live)) return live
  const { resourceVersion: _moved, managedFields = [], ...metadata } = live.metadata
  const writers = managedFields.filter(({ subresource }) => subresource !== 'status')
  return { ...live, status: undefined, metadata, writers }
}
