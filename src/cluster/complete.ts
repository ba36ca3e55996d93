import { completionOf, type Completion } from '../health/completion.ts'
import type { HealthRules } from '../health/rules.ts'
import { isJsonObject, parseJson } from '../model/json.ts'
import type { ResourceKind } from '../model/kinds.ts'
import type { LiveObject, ObjectId } from '../model/object.ts'
import type { CompletionOptions, CompletionReport } from '../sync/ports.ts'
import { classifyAnswer } from './errors.ts'
import type { ClusterConnection } from './connect.ts'
import { collectionPath, objectPath } from './paths.ts'
import { pause } from './pause.ts'
import { createTroubleshooter, hasPods, type Troubleshooter } from './rollout-trouble.ts'
import { watchCollection } from './watch.ts'

const LOOK_AGAIN_MS = 1000
const SUPERSEDED_EVERY_MS = 1000
/** Reading Pods and a log must not hold up an answer that is there. */
const EXPLAIN_MS = 5000

interface Waiting {
  readonly connection: ClusterConnection
  readonly resource: ResourceKind
  readonly object: ObjectId
  readonly options: CompletionOptions
  readonly judge: (live: LiveObject) => Completion
}

/** Waits for the end of objects that run once: a Job, a Pod. */
export function createWaitForCompletion(connection: ClusterConnection, rules: HealthRules) {
  const troubleshooter = createTroubleshooter(connection)
  return async (object: ObjectId, resource: ResourceKind, options: CompletionOptions): Promise<CompletionReport> => {
    const judge = (live: LiveObject): Completion => completionOf(live, connection.serverTime(), rules.of)
    const stop = new AbortController()
    const timer = options.timeoutMs === 0 ? undefined : setTimeout(() => stop.abort(), options.timeoutMs)
    const signal = AbortSignal.any([options.signal, stop.signal])
    if (options.timeoutMs > 0) void heedNewerCommits(options.superseded, stop, signal)
    const last = { live: undefined as LiveObject | undefined }
    try {
      const report = await follow({ connection, resource, object, options: { ...options, signal }, judge }, last)
      return report.status === 'failed' ? await explained(report, last.live, options, troubleshooter) : report
    } catch (error) {
      options.signal.throwIfAborted()
      if (!stop.signal.aborted) throw error
      return await explained({ status: 'running', message: 'it has not ended in time' }, last.live, options, troubleshooter)
    } finally {
      clearTimeout(timer)
      stop.abort()
    }
  }
}

async function heedNewerCommits(superseded: CompletionOptions['superseded'], stop: AbortController, signal: AbortSignal): Promise<void> {
  if (superseded === undefined) return
  while (!signal.aborted) {
    if (await superseded()) return stop.abort()
    await pause(SUPERSEDED_EVERY_MS, signal).catch(() => undefined)
  }
}

/** A GET, then a watch of this one object; both again where the watch has lost its history. */
async function follow(waiting: Waiting, last: { live: LiveObject | undefined }): Promise<CompletionReport> {
  const { connection, resource, object, options, judge } = waiting
  for (;;) {
    const answer = await connection.request({
      method: 'GET',
      path: objectPath(resource, object.namespace, object.name),
      signal: options.signal,
    })
    const live = answer.status === 200 ? liveOf(parseJson(answer.text)) : undefined
    if (answer.status === 404 || (live !== undefined && !isMeant(live, options))) return GONE
    if (live === undefined) {
      const { message, retryable } = classifyAnswer(answer)
      if (!retryable || options.timeoutMs === 0) return { status: 'failed', message: `it cannot be read: ${message}` }
    } else {
      last.live = live
      const found = judge(live)
      if (found.status !== 'running' || options.timeoutMs === 0) return found
      const ended = await watched(waiting, live.metadata.resourceVersion ?? '', last)
      if (ended !== undefined) return ended
    }
    await pause(LOOK_AGAIN_MS, options.signal)
  }
}

const GONE: CompletionReport = { status: 'failed', message: 'it was deleted before it had ended' }

async function watched(
  { connection, resource, object, options, judge }: Waiting,
  resourceVersion: string,
  last: { live: LiveObject | undefined },
): Promise<CompletionReport | undefined> {
  const path = collectionPath(resource, object.namespace)
  const query = { fieldSelector: `metadata.name=${object.name}` }
  for await (const event of watchCollection({ connection, path, query, resourceVersion, signal: options.signal })) {
    if (event.type === 'bookmark') continue
    if (event.type === 'restart') return undefined
    if (!isMeant(event.object, options)) continue
    last.live = event.object
    const found = judge(event.object)
    if (found.status !== 'running') return found
    if (event.type === 'deleted') return GONE
  }
  return undefined
}

function isMeant({ metadata }: LiveObject, { uid }: CompletionOptions): boolean {
  return uid === undefined || metadata.uid === uid
}

/** A Job says little of why it failed: its Pods know, and what they wrote last. */
async function explained(
  report: CompletionReport,
  live: LiveObject | undefined,
  { maskLog, signal }: CompletionOptions,
  troubleshooter: Troubleshooter,
): Promise<CompletionReport> {
  if (live === undefined || !hasPods(live)) return report
  const patience = AbortSignal.any([signal, AbortSignal.timeout(EXPLAIN_MS)])
  const trouble = await troubleshooter.ofFailure(live, { signal: patience, ...(maskLog && { maskLog }) }).catch(() => undefined)
  if (trouble === undefined) return report
  const { reason, log } = trouble
  return { status: report.status, message: reason === '' ? report.message : `${report.message}: ${reason}`, ...(log.length > 0 && { log }) }
}

/** The API server vouches for the metadata of what it sends. */
function liveOf(value: ReturnType<typeof parseJson>): LiveObject | undefined {
  return isJsonObject(value) && isJsonObject(value.metadata) ? (value as unknown as LiveObject) : undefined
}
