import { setTimeout as delay } from 'node:timers/promises'
import { GitwakeError } from '../model/error.ts'
import { isJsonObject, parseJson } from '../model/json.ts'
import type { ResourceKind } from '../model/kinds.ts'
import { PART_OF_LABEL } from '../model/names.ts'
import type { Noticed } from '../sync/ports.ts'
import type { ClusterConnection } from './connect.ts'
import { classifyAnswer } from './errors.ts'
import { decodeMetadata, METADATA, METADATA_LIST } from './metadata.ts'
import { collectionPath } from './paths.ts'
import { watchCollection } from './watch.ts'

/** After a history that is gone, a server that does not answer, or a right that is missing. */
const AGAIN_MS = 2_000
const REFUSED_AGAIN_MS = 300_000

/**
 * Notices every change of labelled objects of a kind, in one namespace or ('') in all, from now on, by a metadata watch. Keeps nothing: what came before, and what was missed in
 * a gap, is for the sweep to find. Ends only with the signal, by throwing its reason.
 */
export async function* followKind(
  connection: ClusterConnection,
  kind: ResourceKind,
  namespace: string,
  signal: AbortSignal,
): AsyncGenerator<Noticed, never> {
  const path = collectionPath(kind, namespace)
  const query = { labelSelector: PART_OF_LABEL }
  for (;;) {
    const from = await newestVersion(connection, path, signal)
    let pauseMs = AGAIN_MS
    if ('refused' in from) {
      yield { type: 'refused', reason: from.refused }
      pauseMs = REFUSED_AGAIN_MS
    } else if (from.resourceVersion !== '') {
      yield { type: 'alive' }
      for await (const event of watchCollection({
        connection,
        path,
        query,
        resourceVersion: from.resourceVersion,
        signal,
        accept: METADATA,
      })) {
        if (event.type === 'bookmark') yield { type: 'alive' }
        else if (event.type === 'restart') {
          yield { type: event.refused ? 'refused' : 'gap', reason: event.reason }
          if (event.refused) pauseMs = REFUSED_AGAIN_MS
        } else {
          const seen = decodeMetadata(event.object, kind)
          if (seen !== undefined) yield { type: event.type === 'deleted' ? 'deleted' : 'changed', seen }
        }
      }
    }
    await delay(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

/** Where a watch can begin; '' where the server does not tell now. */
async function newestVersion(
  connection: ClusterConnection,
  path: string,
  signal: AbortSignal,
): Promise<{ readonly resourceVersion: string } | { readonly refused: string }> {
  try {
    const answer = await connection.request({ method: 'GET', path, query: { limit: 1 }, accept: METADATA_LIST, signal })
    if (answer.status === 200) {
      const body = parseJson(answer.text)
      const metadata = isJsonObject(body) && isJsonObject(body.metadata) ? body.metadata : {}
      return { resourceVersion: typeof metadata.resourceVersion === 'string' ? metadata.resourceVersion : '' }
    }
    const { retryable, message } = classifyAnswer(answer)
    return retryable ? { resourceVersion: '' } : { refused: message }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof GitwakeError) return { resourceVersion: '' }
    throw error
  }
}
