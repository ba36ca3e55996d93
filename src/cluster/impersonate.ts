import type { ServiceAccount } from '../model/configuration.ts'
import type { ClusterConnection } from './connect.ts'

/**
 * The same connection, whose writes and dry-runs are made in the name of a service account: the API server then judges them by its rights
 * alone. Reads stay our own, so that an account that may write something need not be able to see everything.
 */
export function impersonating(connection: ClusterConnection, { namespace, name }: ServiceAccount): ClusterConnection {
  const headers = { 'impersonate-user': `system:serviceaccount:${namespace}:${name}` }
  return {
    ...connection,
    request: (request) =>
      connection.request(request.method === 'GET' ? request : { ...request, headers: { ...request.headers, ...headers } }),
  }
}
