import { isJsonObject, parseJson, type Json } from '../model/json.ts'
import type { LiveObject } from '../model/object.ts'
import { classifyAnswer } from './errors.ts'
import type { ApiStream, Query } from './exchange.ts'
import type { ClusterConnection } from './connect.ts'

/**
 * `restart`: the history since `resourceVersion` is no longer there; LIST again and watch from its version.
 * `bookmark`: nothing happened, up to this version.
 */
export type WatchEvent =
  | { readonly type: 'added' | 'modified' | 'deleted'; readonly object: LiveObject }
  | { readonly type: 'bookmark'; readonly resourceVersion: string }
  | {
      readonly type: 'restart'
      readonly reason: string
      /** Without the right or the kind a fresh LIST changes nothing. */
      readonly refused?: true
    }

export interface WatchOptions {
  readonly connection: Pick<ClusterConnection, 'stream'>
  /** Of the collection: `/apis/apps/v1/namespaces/shop/deployments`. */
  readonly path: string
  readonly query?: Query
  /** Of the LIST that came before. */
  readonly resourceVersion: string
  readonly signal: AbortSignal
  readonly accept?: string
  /** Silence that ends a stream; the server sends a bookmark about once a minute. 90 s unless told. */
  readonly idleMs?: number
  /** How long the server keeps one stream; 5 min unless told. */
  readonly streamMs?: number
  readonly maxLineBytes?: number
}

const MAX_LINE_BYTES = 32 * 1024 * 1024
/** Pauses before a stream that failed is opened again, in milliseconds. */
const BACKOFF_MS: readonly number[] = [0, 250, 1000, 2000, 5000, 10_000]

/**
 * Follows a collection from a resourceVersion on. Streams that end, break or fall silent are opened again where they stopped.
 * Ends after a `restart`; throws the signal's reason when aborted. Being unreachable is not an error here: the caller's deadline decides.
 */
export async function* watchCollection(options: WatchOptions): AsyncGenerator<WatchEvent, void> {
  let resourceVersion = options.resourceVersion
  let failures = 0
  for (;;) {
    await pause(BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)] ?? 0, options.signal)
    // Counts as a failure until the stream proves useful.
    failures++
    for await (const event of oneStream(options, resourceVersion)) {
      failures = 0
      if (event.type === 'bookmark') resourceVersion = event.resourceVersion
      else if (event.type !== 'restart') resourceVersion = event.object.metadata.resourceVersion ?? resourceVersion
      yield event
      if (event.type === 'restart') return
    }
    options.signal.throwIfAborted()
  }
}

async function* oneStream(options: WatchOptions, resourceVersion: string): AsyncGenerator<WatchEvent, void> {
  const { connection, path, signal, accept, idleMs = 90_000, streamMs = 300_000, maxLineBytes = MAX_LINE_BYTES } = options
  const query = {
    ...options.query,
    watch: true,
    allowWatchBookmarks: true,
    resourceVersion,
    timeoutSeconds: Math.ceil(streamMs / 1000),
  }
  let stream: ApiStream
  try {
    stream = await connection.stream({
      path,
      query,
      signal,
      ...(accept !== undefined && { accept }),
    })
  } catch {
    // Unreachable: opened again after a pause. An abort is told by the caller of this function.
    return
  }
  if (stream.status >= 400) {
    const problem = classifyAnswer(stream)
    // Without the right to watch, or without the kind, there is nothing to wait for here: the caller's LIST will tell.
    if (problem.class === 'gone') yield { type: 'restart', reason: problem.message }
    else if (!problem.retryable) yield { type: 'restart', reason: problem.message, refused: true }
    return
  }
  // Closing from outside makes the iteration below end with an error, which is the same as the stream's end.
  const silence = setTimeout(stream.close, idleMs)
  try {
    for await (const line of linesOf(stream.body, maxLineBytes, () => silence.refresh())) {
      const event = decodeEvent(line)
      if (event !== undefined) yield event
      if (event?.type === 'restart') return
    }
  } catch (error) {
    if (error instanceof LineTooLong) yield { type: 'restart', reason: error.message }
  } finally {
    clearTimeout(silence)
    stream.close()
  }
}

function decodeEvent(line: string): WatchEvent | undefined {
  const event = parseJson(line)
  const object = isJsonObject(event) ? event['object'] : undefined
  if (!isJsonObject(event) || !isJsonObject(object)) return undefined
  switch (event['type']) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      // The API server vouches for what an object has.
      return { type: EVENT_TYPES[event['type']], object: object as LiveObject }
    case 'BOOKMARK':
      return {
        type: 'bookmark',
        resourceVersion: (object as LiveObject).metadata.resourceVersion ?? '',
      }
    case 'ERROR':
      return errorEvent(object)
    default:
      return undefined
  }
}

const EVENT_TYPES = { ADDED: 'added', MODIFIED: 'modified', DELETED: 'deleted' } as const

/** In mid-stream a problem comes as a Status object. Whatever it says, a fresh LIST is the safe way on. */
function errorEvent(status: Json): WatchEvent {
  const message = isJsonObject(status) ? status['message'] : undefined
  return {
    type: 'restart',
    reason: typeof message === 'string' ? message : 'the server ended the watch',
  }
}

class LineTooLong extends Error {}

async function* linesOf(body: AsyncIterable<Buffer>, maxBytes: number, onData: () => void): AsyncGenerator<string, void> {
  let parts: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    onData()
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, end))
      yield Buffer.concat(parts).toString('utf8')
      parts = []
      size = 0
      from = end + 1
    }
    parts.push(chunk.subarray(from))
    size += chunk.length - from
    if (size > maxBytes) throw new LineTooLong(`the server sent an event of more than ${maxBytes} bytes`)
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  if (ms === 0) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
  signal.throwIfAborted()
}
