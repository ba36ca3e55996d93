import assert from 'node:assert/strict'
import type { ClusterConnection } from '../../src/cluster/connect.ts'
import { parseJson, type JsonObject } from '../../src/model/json.ts'
import type { Manifest } from '../../src/model/object.ts'
import { rowsOf, type RulesStatus } from './can-i-list.ts'

const RBAC = 'rbac.authorization.k8s.io'

/** All that the API server says somebody may do in a namespace, asked by the one that it is about; some names are told as others. */
export async function rightsOf(
  connection: ClusterConnection,
  namespace: string,
  names: readonly (readonly [string, string])[],
): Promise<readonly string[]> {
  const status = await review<RulesStatus & { readonly incomplete: boolean }>(connection, 'SelfSubjectRulesReview', { namespace })
  assert.equal(status.incomplete, false)
  const text = names.reduce((told, [name, other]) => told.replaceAll(name, other), JSON.stringify(status))
  return rowsOf(JSON.parse(text) as RulesStatus)
}

/** One question: `kubectl auth can-i`. */
export async function may(connection: ClusterConnection, resourceAttributes: JsonObject): Promise<boolean> {
  return (await review<{ readonly allowed: boolean }>(connection, 'SelfSubjectAccessReview', { resourceAttributes })).allowed
}

/** A role, and its binding to one account. */
export function binding(
  kind: 'ClusterRole' | 'Role',
  metadata: Manifest['metadata'],
  rules: readonly JsonObject[],
  subject: { readonly namespace: string; readonly name: string },
): readonly Manifest[] {
  const apiVersion = `${RBAC}/v1`
  const roleRef = { apiGroup: RBAC, kind, name: metadata.name }
  const subjects = [{ kind: 'ServiceAccount', ...subject }]
  return [
    { apiVersion, kind, metadata, rules },
    { apiVersion, kind: `${kind}Binding`, metadata, roleRef, subjects },
  ]
}

/** The status of a review that somebody asks for itself. */
async function review<Status>(connection: ClusterConnection, kind: string, spec: JsonObject): Promise<Status> {
  const apiVersion = 'authorization.k8s.io/v1'
  const { status, text } = await connection.request({
    method: 'POST',
    path: `/apis/${apiVersion}/${kind.toLowerCase()}s`,
    contentType: 'application/json',
    body: JSON.stringify({ apiVersion, kind, spec }),
    signal: AbortSignal.timeout(20_000),
  })
  assert.equal(status, 201, text)
  return (parseJson(text) as { readonly status: Status }).status
}
