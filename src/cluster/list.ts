import { textAt } from '../health/fields.ts'
import { GitwakeError } from '../model/error.ts'
import { isJsonObject, parseJson, type Json } from '../model/json.ts'
import type { ResourceKind } from '../model/kinds.ts'
import type { LiveObject } from '../model/object.ts'
import type { ClusterConnection } from './connect.ts'
import { classifyAnswer } from './errors.ts'
import { collectionPath } from './paths.ts'

export type Listed =
  | { readonly objects: readonly LiveObject[]; readonly resourceVersion: string }
  /** Not readable, and whether it may be so later. */
  | { readonly refused: string; readonly retryable: boolean }

/** Whole objects weigh up to a few tens of kilobytes: a page stays below some megabytes. */
const PAGE = 500

/** Every object of a kind that matches a label selector, whole, with the version from which a watch goes on. Throws only the signal's reason. */
export async function listObjects(
  connection: ClusterConnection,
  resource: ResourceKind,
  labelSelector: string,
  signal: AbortSignal,
  namespace = '',
): Promise<Listed> {
  try {
    return await listPages(connection, resource, labelSelector, signal, namespace)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof GitwakeError) return { refused: error.message, retryable: error.retryable }
    throw error
  }
}

async function listPages(
  connection: ClusterConnection,
  resource: ResourceKind,
  labelSelector: string,
  signal: AbortSignal,
  namespace: string,
): Promise<Listed> {
  const objects: LiveObject[] = []
  const path = collectionPath(resource, namespace)
  for (let next: string | undefined; ;) {
    const answer = await connection.request({ method: 'GET', path, query: { labelSelector, limit: PAGE, continue: next }, signal })
    if (answer.status !== 200) {
      const { message, retryable } = classifyAnswer(answer)
      return { refused: message, retryable }
    }
    const page = parseJson(answer.text)
    const metadata = isJsonObject(page) && isJsonObject(page['metadata']) ? page['metadata'] : {}
    objects.push(...itemsOf(page, resource))
    if (typeof metadata['continue'] !== 'string' || metadata['continue'] === '') {
      return { objects, resourceVersion: textAt(metadata, 'resourceVersion') }
    }
    next = metadata['continue']
  }
}

/** The items of a list do not say what they are; the list does. */
function itemsOf(page: Json, { group, version, kind }: ResourceKind): LiveObject[] {
  const items = isJsonObject(page) && Array.isArray(page['items']) ? page['items'] : []
  const apiVersion = group === '' ? version : `${group}/${version}`
  // The API server vouches for the metadata of what it lists.
  return items.map((item: Json) => ({ ...(isJsonObject(item) ? item : {}), apiVersion, kind }) as LiveObject)
}
