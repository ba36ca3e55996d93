import { GitwakeError } from '../model/error.ts'
import { answerError } from './answer.ts'
import type { ClusterConnection } from './connect.ts'

/** Creates the namespace that keeps inventories and Leases, where it is missing. Throws GitwakeError where that is for somebody else to do. */
export async function createInventoryNamespace(connection: ClusterConnection, namespace: string, signal: AbortSignal): Promise<void> {
  if (connection.namespaces !== undefined)
    throw new GitwakeError('inventory-namespace-missing', `the inventory namespace ${namespace} does not exist in ${connection.name}`, {
      fix: 'Create it (gitwake rbac prints it, with the role that the worker needs there), or name another one in GITWAKE_INVENTORY_NAMESPACE: a worker that is confined to namespaces creates none.',
    })
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  const answer = await connection.request({ method: 'POST', path: '/api/v1/namespaces', contentType: 'application/json', body, signal })
  if (answer.status !== 201 && answer.status !== 409) throw answerError(answer, { doing: `creating the inventory namespace ${namespace}` })
}
