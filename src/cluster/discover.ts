import { isJsonObject, parseJson, type Json } from '../model/json.ts'
import { createKindCatalog, type KindCatalog, type ResourceKind } from '../model/kinds.ts'
import type { ClusterConnection } from './connect.ts'
import { answerError } from './answer.ts'

/** One document with everything that the API server serves (Kubernetes 1.30 and newer). */
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

/** Asks the API server what it serves: two requests. Throws GitwakeError `discovery-failed` (retryable). */
export async function discover(connection: ClusterConnection, signal: AbortSignal): Promise<KindCatalog> {
  const groups = (await Promise.all(['/api', '/apis'].map((path) => readGroups(connection, path, signal)))).flat()
  return createKindCatalog(groups.flatMap(decodeGroup), new Set(groups.flatMap(staleGroup)))
}

async function readGroups(connection: ClusterConnection, path: string, signal: AbortSignal): Promise<readonly Json[]> {
  const answer = await connection.request({ method: 'GET', path, accept: AGGREGATED, signal })
  if (answer.status !== 200) throw answerError(answer, { doing: `discovery of ${path}` })
  const document = parseJson(answer.text)
  return items(isJsonObject(document) ? document.items : undefined)
}

/** An aggregated API server that does not answer leaves its group there, marked, with what was known of it or nothing. */
function staleGroup(item: Json): string[] {
  if (!isJsonObject(item) || !isJsonObject(item.metadata) || typeof item.metadata.name !== 'string') return []
  const isStale = items(item.versions).some((version) => isJsonObject(version) && version.freshness === 'Stale')
  return isStale ? [item.metadata.name] : []
}

function decodeGroup(item: Json): ResourceKind[] {
  if (!isJsonObject(item) || !isJsonObject(item.metadata)) return []
  const group = typeof item.metadata.name === 'string' ? item.metadata.name : ''
  return items(item.versions).flatMap((version) => {
    if (!isJsonObject(version) || typeof version.version !== 'string') return []
    const name = version.version
    return items(version.resources).flatMap((resource) => decodeResource(resource, group, name))
  })
}

function decodeResource(resource: Json, group: string, version: string): ResourceKind[] {
  if (!isJsonObject(resource) || !isJsonObject(resource.responseKind) || typeof resource.resource !== 'string') return []
  const { kind } = resource.responseKind
  if (typeof kind !== 'string') return []
  const verbs = items(resource.verbs).flatMap((verb) => (typeof verb === 'string' ? [verb] : []))
  const hasStatus = items(resource.subresources).some((one) => isJsonObject(one) && one.subresource === 'status')
  return [{ group, version, kind, resource: resource.resource, namespaced: resource.scope === 'Namespaced', verbs, hasStatus }]
}

function items(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : []
}
