import { isJsonObject, parseJson, type Json } from '../model/json.ts'
import type { ResourceKind } from '../model/kinds.ts'
import type { Unlistable } from '../model/observation.ts'
import type { ClusterConnection } from './connect.ts'
import { classifyAnswer } from './errors.ts'
import { METADATA_LIST } from './metadata.ts'
import { collectionPath } from './paths.ts'
import type { ApiResponse } from './request.ts'

/** Small pages cost a round trip each; the API server's own default for controllers is 500, a page of 2,500 is ~8 MB at worst. */
const PAGE = 2500
/** A `continue` token expires when etcd compacts; the list then starts again, this often. */
const RESTARTS = 3

/** The objects of one kind to list, in one namespace or ('') in all. */
export interface Place {
  readonly kind: ResourceKind
  readonly namespace: string
  readonly labelSelector: string
}

/** Of a kind that is only created, such as a review. */
export const NO_LIST: Unlistable = { reason: 'the API server offers no list of it', isForbidden: false }

/** Gets the metadata of objects as the pages of a LIST bring them. */
export interface PageVisitor {
  visit(item: Json): void
  /** The list starts again: what was visited comes once more. */
  restart(): void
}

/** Lists metadata, page by page, and keeps none of it. Resolves with the reason where it cannot be listed. */
export async function visitMetadata(
  connection: ClusterConnection,
  place: Place,
  visitor: PageVisitor,
  signal: AbortSignal,
): Promise<Unlistable | undefined> {
  for (let attempt = 0; attempt < RESTARTS; attempt += 1) {
    const ended = await visitPages(connection, place, visitor, signal)
    if (ended !== 'expired') return ended
    visitor.restart()
  }
  return { reason: 'the list expired again and again', isForbidden: false }
}

async function visitPages(
  connection: ClusterConnection,
  { kind, namespace, labelSelector }: Place,
  visitor: PageVisitor,
  signal: AbortSignal,
): Promise<'expired' | Unlistable | undefined> {
  const ask = (next: string | undefined): Promise<ApiResponse> => {
    const query = { labelSelector, limit: String(PAGE), continue: next }
    return connection.request({ method: 'GET', path: collectionPath(kind, namespace), query, accept: METADATA_LIST, signal })
  }
  for (let asked = ask(undefined); ;) {
    const answer = await asked
    if (answer.status === 410) return 'expired'
    if (answer.status !== 200) return { reason: classifyAnswer(answer).message, isForbidden: answer.status === 403 }
    const page = parseJson(answer.text)
    if (!isJsonObject(page)) return { reason: 'the API server answered with something that is not a list', isForbidden: false }
    const next = isJsonObject(page.metadata) ? page.metadata.continue : undefined
    const isLast = typeof next !== 'string' || next === ''
    // The next page is on its way while this one is looked at.
    if (!isLast) asked = ask(next)
    // An empty metadata list comes as `items: null`.
    for (const item of Array.isArray(page.items) ? (page.items as readonly Json[]) : []) visitor.visit(item)
    if (isLast) return undefined
  }
}
