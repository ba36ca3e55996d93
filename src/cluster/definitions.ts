import { setTimeout as sleep } from 'node:timers/promises'
import { isJsonObject, parseJson, type Json } from '../model/json.ts'
import type { ClusterConnection } from './connect.ts'

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
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${encodeURIComponent(name)}`
  const answer = await connection.request({ method: 'GET', path, signal })
  if (answer.status !== 200) return false
  const body = parseJson(answer.text)
  const conditions =
    isJsonObject(body) && isJsonObject(body.status) && Array.isArray(body.status.conditions)
      ? (body.status.conditions as readonly Json[])
      : []
  return conditions.some((condition) => isJsonObject(condition) && condition.type === 'Established' && condition.status === 'True')
}
