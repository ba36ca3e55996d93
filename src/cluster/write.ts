import { isJsonObject, parseJson, stringifyJson, type Json, type JsonObject } from '../model/json.ts'
import type { ResourceKind } from '../model/kinds.ts'
import { FIELD_MANAGER } from '../model/names.ts'
import type { LiveObject } from '../model/object.ts'
import type { DeleteOperation } from '../model/plan.ts'
import { alteredFields } from '../plan/altered.ts'
import type { ApplyOperation, Deleted, Tried, WriteOptions, Written } from '../sync/ports.ts'
import type { ClusterConnection } from './connect.ts'
import { classifyAnswer } from './errors.ts'
import { decodeMetadata, METADATA, textsOf } from './metadata.ts'
import { objectPath } from './paths.ts'
import type { ApiResponse } from './request.ts'

/** Version 4 uids are random; none is this. */
const NOBODY = '00000000-0000-4000-8000-000000000000'

type Sending = WriteOptions & { readonly dryRun?: boolean; readonly accept?: string }

/** Applies one object server-side, forced, strictly validated, and only if it is as expected. */
export async function applyObject(
  connection: ClusterConnection,
  resource: ResourceKind,
  operation: ApplyOperation,
  options: WriteOptions,
): Promise<Written> {
  // The whole object and not its metadata alone: only its values tell what admission made of it.
  const sending = { ...options, accept: 'application/json' }
  const answer = await sendApply(connection, resource, operation.manifest, conditionOf(operation), sending)
  if (!isTaken(answer)) return { ok: false, ...classifyAnswer(answer) }
  const live = parseJson(answer.text)
  const seen = decodeMetadata(live, resource)
  if (seen === undefined) return { ok: false, class: 'other', message: 'the API server answered without metadata', retryable: true }
  const altered = isJsonObject(live) ? alteredFields(operation.manifest, live) : []
  return { ok: true, seen, warnings: warningsOf(answer.headers), ...(altered.length > 0 && { altered }) }
}

/**
 * Would the apply be taken? With `compare`, beside a look at the live object, so that both can be compared; otherwise what the object
 * would become is nobody's question, and the answer is not read. Where the namespace is still missing, only the manifest can be judged:
 * a uid that no object has is refused as a conflict after that, and before the API server waits for a namespace that might be new to it
 * (50 ms for each object, decision 013).
 */
export async function dryRunObject(
  connection: ClusterConnection,
  resource: ResourceKind,
  operation: ApplyOperation,
  { awaitsNamespace, compare, signal }: { readonly awaitsNamespace: boolean; readonly compare: boolean; readonly signal: AbortSignal },
): Promise<Tried> {
  const { metadata } = operation.manifest
  const path = objectPath(resource, metadata.namespace ?? '', metadata.name)
  const condition = awaitsNamespace ? { uid: NOBODY } : conditionOf(operation)
  const comparing = compare && operation.expect !== 'absent'
  const sending = { signal, dryRun: true, ...(comparing && { accept: 'application/json' }) }
  const [answer, live] = await Promise.all([
    sendApply(connection, resource, operation.manifest, condition, sending),
    comparing ? connection.request({ method: 'GET', path, signal }) : undefined,
  ])
  if (awaitsNamespace && answer.status === 409) return { ok: true, warnings: [] }
  if (!isTaken(answer)) return { ok: false, ...classifyAnswer(answer) }
  const warnings = warningsOf(answer.headers)
  if (live?.status !== 200) return { ok: true, warnings }
  const [before, after] = [parseJson(live.text), parseJson(answer.text)]
  return { ok: true, warnings, ...(isLiveObject(before) && isLiveObject(after) && { compared: { before, after } }) }
}

function isLiveObject(value: Json): value is LiveObject {
  return isJsonObject(value) && typeof value.kind === 'string' && isJsonObject(value.metadata)
}

function isTaken({ status }: ApiResponse): boolean {
  return status === 200 || status === 201
}

async function sendApply(
  connection: ClusterConnection,
  resource: ResourceKind,
  manifest: ApplyOperation['manifest'],
  condition: JsonObject,
  options: Sending,
): Promise<ApiResponse> {
  const { metadata } = manifest
  return await connection.request({
    method: 'PATCH',
    path: objectPath(resource, metadata.namespace ?? '', metadata.name),
    query: { fieldManager: FIELD_MANAGER, force: 'true', fieldValidation: 'Strict', ...(options.dryRun === true && { dryRun: 'All' }) },
    contentType: 'application/apply-patch+yaml',
    accept: options.accept ?? METADATA,
    body: asYaml({ ...manifest, metadata: { ...metadata, ...condition } }),
    signal: options.signal,
    ...(options.guard && { beforeRequest: options.guard }),
  })
}

/** Present → 409, absent → 201: an apply with `resourceVersion: "1"` creates only if absent. Otherwise uid and resourceVersion must still match. */
function conditionOf({ expect }: ApplyOperation): JsonObject {
  return expect === 'absent' ? { resourceVersion: '1' } : { uid: expect.uid, resourceVersion: expect.resourceVersion }
}

/**
 * JSON that reads the same as YAML 1.1: the apply content type is parsed as YAML, which folds or refuses some characters
 * that JSON.stringify writes literally (DEL, C1 controls, line and paragraph separators, byte order marks).
 */
export function asYaml(value: Json): string {
  return stringifyJson(value).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Deletes one object if it is still the one that was observed. `finalizers` are those that it waits for before it is gone. */
export async function deleteObject(
  connection: ClusterConnection,
  resource: ResourceKind,
  object: { readonly namespace: string; readonly name: string },
  operation: DeleteOperation,
  options: Sending,
): Promise<Deleted> {
  const answer = await connection.request({
    method: 'DELETE',
    path: objectPath(resource, object.namespace, object.name),
    ...(options.dryRun === true && { query: { dryRun: 'All' } }),
    contentType: 'application/json',
    accept: METADATA,
    body: JSON.stringify({
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: operation.waitForDependents === true ? 'Foreground' : 'Background',
      preconditions: { uid: operation.uid, resourceVersion: operation.resourceVersion },
    }),
    signal: options.signal,
    ...(options.guard && { beforeRequest: options.guard }),
  })
  if (answer.status === 404) return { ok: true, finalizers: [] }
  if (answer.status !== 200 && answer.status !== 202) return { ok: false, ...classifyAnswer(answer) }
  const body = parseJson(answer.text)
  const metadata = isJsonObject(body) && isJsonObject(body.metadata) ? body.metadata : {}
  return { ok: true, finalizers: textsOf(metadata.finalizers) }
}

/** `Warning: 299 - "text"` headers: deprecations, unknown fields that were let through. */
function warningsOf(headers: Readonly<Record<string, string | readonly string[] | undefined>>): string[] {
  const header = headers.warning
  const lines = header === undefined ? [] : typeof header === 'string' ? [header] : header
  return lines.flatMap((line) =>
    [...line.matchAll(/299 [^ ]+ "((?:[^"\\]|\\.)*)"/g)].map((match) => (match[1] ?? '').replaceAll('\\"', '"')),
  )
}
