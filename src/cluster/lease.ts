import { GitwakeError } from '../model/error.ts'
import { isJsonObject, parseJson, type Json } from '../model/json.ts'
import { inventoryName } from '../model/names.ts'
import type { Lease } from '../sync/ports.ts'
import { answerError } from './answer.ts'
import type { ClusterConnection } from './connect.ts'
import { createInventoryNamespace } from './inventory-namespace.ts'
import type { ApiResponse } from './request.ts'

const DURATION_SECONDS = 8
const RENEW_EVERY_MS = 2_500
/** A Lease that cannot be given back in this time expires by itself soon after. */
const RELEASE_MS = 3_000
/** A holder stops this much earlier than others may take over: the `Date` header, by which all judge, has whole seconds. */
const SAFETY_MS = 2_000

export interface LeaseOptions {
  readonly namespace: string
  readonly application: string
  /** Names this worker; unique per process. */
  readonly holder: string
  readonly signal: AbortSignal
  /** Name → resourceVersion of the Leases that this worker gave back: a Lease that nobody has touched since needs no look. */
  readonly released?: Map<string, string>
}

/**
 * One writer per application: a Lease in the target cluster, judged by the API server's clock (its `Date` header).
 * Throws GitwakeError `lease-held` (retryable) while another worker holds it.
 */
export async function acquireLease(connection: ClusterConnection, options: LeaseOptions): Promise<Lease> {
  const name = inventoryName(options.application)
  const collection = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(options.namespace)}/leases`
  let renewedAt = 0
  let resourceVersion = await take()
  let released = false
  let lost: string | undefined
  let renewal: Promise<void> | undefined

  const timer = setInterval(() => {
    renewal ??= renew().finally(() => (renewal = undefined))
  }, RENEW_EVERY_MS)
  timer.unref()

  /** Every way to take it is conditional on the state that it was seen in; only where that does not hold is it looked at. */
  async function take(): Promise<string> {
    const expected = options.released?.get(name)
    options.released?.delete(name)
    // Before the write leaves: others count from the time that stands in it, however long it is on its way.
    renewedAt = performance.now()
    const answer =
      expected === undefined
        ? await send('POST', collection, undefined, options.holder, { isTaking: true })
        : await send('PUT', `${collection}/${name}`, expected, options.holder, { isTaking: true })
    if (answer.status === 200 || answer.status === 201) return await fresh(decodeLease(answer).resourceVersion)
    if (answer.status === 404) return await create()
    if (answer.status !== 409) throw answerError(answer, { doing: `taking Lease ${name}` })
    return await takeOver()
  }

  /** The write may have waited for its turn: of the time that stands in it, too little may be left. */
  async function fresh(taken: string): Promise<string> {
    const now = performance.now()
    if (now - renewedAt < RENEW_EVERY_MS) return taken
    renewedAt = now
    return await put(taken, options.holder)
  }

  async function takeOver(): Promise<string> {
    const current = await connection.request({ method: 'GET', path: `${collection}/${name}`, signal: options.signal })
    renewedAt = performance.now()
    if (current.status === 404) return await create()
    if (current.status !== 200) throw answerError(current, { doing: `reading Lease ${name}` })
    const held = decodeLease(current)
    const age = (connection.serverTime() - held.renewedAt) / 1000
    if (held.holder !== '' && held.holder !== options.holder && age <= held.durationSeconds) {
      throw new GitwakeError('lease-held', `${options.application} is being written by ${held.holder}`, {
        fix: 'Nothing to do: it is tried again when that worker has finished.',
        retryable: true,
      })
    }
    return await put(held.resourceVersion, options.holder)
  }

  /** Neither it nor, perhaps, its namespace exists. */
  async function create(): Promise<string> {
    const first = await send('POST', collection, undefined, options.holder)
    if (first.status === 404) await createInventoryNamespace(connection, options.namespace, options.signal)
    const answer = first.status === 404 ? await send('POST', collection, undefined, options.holder) : first
    if (answer.status === 409) throw lostTo('another worker took it first')
    if (answer.status !== 201) throw answerError(answer, { doing: `creating Lease ${name}` })
    return decodeLease(answer).resourceVersion
  }

  async function put(expected: string, holder: string, signal = options.signal): Promise<string> {
    const answer = await send('PUT', `${collection}/${name}`, expected, holder, { signal })
    if (answer.status === 409) throw lostTo('another worker took it')
    if (answer.status !== 200) throw answerError(answer, { doing: `renewing Lease ${name}` })
    return decodeLease(answer).resourceVersion
  }

  async function send(
    method: 'POST' | 'PUT',
    path: string,
    expected: string | undefined,
    holder: string,
    { signal = options.signal, isTaking = false }: { readonly signal?: AbortSignal; readonly isTaking?: boolean } = {},
  ): Promise<ApiResponse> {
    const body = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace: options.namespace, ...(expected !== undefined && { resourceVersion: expected }) },
      spec: { holderIdentity: holder, leaseDurationSeconds: DURATION_SECONDS, renewTime: microTime(connection.serverTime()) },
    }
    return await connection.request({
      method,
      path,
      contentType: 'application/json',
      body: JSON.stringify(body),
      signal,
      timeoutMs: 5_000,
      // All objects of a stage wait for a place at once: behind thousands of them it would run out. A sync that is about to begin has its turn like
      // others: the less it holds a Lease that it cannot use yet.
      urgent: !isTaking,
    })
  }

  async function renew(): Promise<void> {
    const startedAt = performance.now()
    try {
      resourceVersion = await put(resourceVersion, options.holder)
      renewedAt = startedAt
    } catch (error) {
      // Anything but a definite loss is tried again; the guard ends it when time runs out.
      if (error instanceof GitwakeError && error.code === 'lease-lost') lost = error.message
    }
  }

  function lostTo(why: string): GitwakeError {
    return new GitwakeError('lease-lost', `${options.application}: the right to write was lost: ${why}`, {
      fix: 'Nothing to do: the other worker finishes, or it is tried again.',
      retryable: true,
    })
  }

  return {
    guard() {
      if (released) throw lostTo('it was given back')
      if (lost !== undefined) throw lostTo(lost)
      // The monotonic clock goes on while a process is frozen: on waking, this is the first thing that happens.
      if (performance.now() - renewedAt > DURATION_SECONDS * 1000 - SAFETY_MS) throw lostTo('it could not be renewed in time')
    },
    async release() {
      released = true
      clearInterval(timer)
      await renewal
      if (lost !== undefined) return
      // Not with the sync's own signal: who takes over after a shutdown must not wait until it expires.
      const left = await put(resourceVersion, '', AbortSignal.timeout(RELEASE_MS)).catch(() => undefined) // It expires by itself.
      if (left !== undefined) options.released?.set(name, left)
    },
  }
}

/** Whether somebody may be writing this application right now. */
export async function isLeaseHeld(
  connection: ClusterConnection,
  { namespace, application, signal }: Pick<LeaseOptions, 'application' | 'namespace' | 'signal'>,
): Promise<boolean> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases/${inventoryName(application)}`
  const answer = await connection.request({ method: 'GET', path, signal })
  if (answer.status !== 200) return false
  const { holder, renewedAt, durationSeconds } = decodeLease(answer)
  return holder !== '' && connection.serverTime() - renewedAt <= durationSeconds * 1000
}

interface HeldLease {
  readonly holder: string
  readonly renewedAt: number
  readonly durationSeconds: number
  readonly resourceVersion: string
}

function decodeLease(answer: ApiResponse): HeldLease {
  const body: Json = parseJson(answer.text)
  const spec = isJsonObject(body) && isJsonObject(body.spec) ? body.spec : {}
  const metadata = isJsonObject(body) && isJsonObject(body.metadata) ? body.metadata : {}
  const renewedAt = typeof spec.renewTime === 'string' ? Date.parse(spec.renewTime) : 0
  return {
    holder: typeof spec.holderIdentity === 'string' ? spec.holderIdentity : '',
    renewedAt: Number.isNaN(renewedAt) ? 0 : renewedAt,
    durationSeconds: typeof spec.leaseDurationSeconds === 'number' ? spec.leaseDurationSeconds : DURATION_SECONDS,
    resourceVersion: typeof metadata.resourceVersion === 'string' ? metadata.resourceVersion : '',
  }
}

/** RFC 3339 with microseconds, as Leases carry it. */
function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z')
}
