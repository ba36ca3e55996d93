import { setTimeout as sleep } from 'node:timers/promises'
import { isJsonObject, parseJson, type Json } from '../model/json.ts'
import type { ResourceKind } from '../model/kinds.ts'
import type { ClusterConnection } from './connect.ts'
import { METADATA } from './metadata.ts'

/** Establishing takes the API server a few tens of milliseconds; a poll is simpler than a watch and ends as soon. */
const POLL_MS = 50

/**
 * Waits until CustomResourceDefinitions are established and served. Ends quietly at the timeout: the objects that need them
 * then tell what is wrong, by name.
 */
export async function waitForDefinitions(
  connection: ClusterConnection,
  names: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  let missing = names
  while (missing.length > 0 && performance.now() < deadline) {
    const established = await Promise.all(missing.map((name) => isEstablished(connection, name, signal)))
    missing = missing.filter((_, index) => established[index] !== true)
    if (missing.length > 0) await sleep(POLL_MS, undefined, { signal })
  }
}

async function isEstablished(connection: ClusterConnection, name: string, signal: AbortSignal): Promise<boolean> {
  const answer = await connection.request({ method: 'GET', path: definitionPath(name), signal })
  if (answer.status !== 200) return false
  const body = parseJson(answer.text)
  const conditions =
    isJsonObject(body) && isJsonObject(body.status) && Array.isArray(body.status.conditions)
      ? (body.status.conditions as readonly Json[])
      : []
  return conditions.some((condition) => isJsonObject(condition) && condition.type === 'Established' && condition.status === 'True')
}

/** Groups that the API server itself serves, besides those without a dot (`apps`, `batch`). */
const BUILT_IN = new Set(
  [
    'admissionregistration',
    'apiextensions',
    'apiregistration',
    'authentication',
    'authorization',
    'certificates',
    'coordination',
    'discovery',
    'events',
    'flowcontrol.apiserver',
    'internal.apiserver',
    'networking',
    'node',
    'rbac.authorization',
    'resource',
    'scheduling',
    'storage',
    'storagemigration',
  ].map((group) => `${group}.k8s.io`),
)

/**
 * The state of the CustomResourceDefinition behind a kind: it changes with every change of the schema. One request, none for built-in kinds;
 * undefined for what an aggregated API server serves, and without the right to read definitions
 * (where only namespaces are granted nobody asks).
 */
export async function readDefinition(
  connection: ClusterConnection,
  { group, resource }: ResourceKind,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (!group.includes('.') || BUILT_IN.has(group) || connection.namespaces !== undefined) return undefined
  const path = definitionPath(`${resource}.${group}`)
  const answer = await connection.request({ method: 'GET', path, accept: METADATA, signal })
  const body = answer.status === 200 ? parseJson(answer.text) : undefined
  const metadata = isJsonObject(body) && isJsonObject(body.metadata) ? body.metadata : {}
  return typeof metadata.uid === 'string' ? `${metadata.uid} ${String(metadata.generation)}` : undefined
}

function definitionPath(name: string): string {
  return `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${encodeURIComponent(name)}`
}
