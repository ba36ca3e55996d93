import { isJsonObject, parseJson, type Json } from '../model/json.ts'
import type { ResourceKind } from '../model/kinds.ts'
import { FIELD_MANAGER } from '../model/names.ts'
import { isOurs, unionFields } from '../model/observation.ts'
import { ignoredPart, withoutFields } from '../plan/ignore.ts'
import { isTakenOver } from '../plan/people.ts'
import type { ApplyOperation, WriteOptions, Written } from '../sync/ports.ts'
import { classifyAnswer } from './errors.ts'
import type { ClusterConnection } from './connect.ts'
import { decodeManagedFields, decodeMetadata, METADATA } from './metadata.ts'
import { objectPath } from './paths.ts'

/**
 * Rewrites the managedFields entries of human managers (and of other tools, when the object is adopted) as ours, so that
 * the apply that follows can remove what they set: a forced apply cannot undo what it does not own (fluxcd/pkg#1188 and
 * KEP-555 describe the same migration). Compare-and-swap on the resourceVersion; returns the object as it is afterwards.
 */
export async function takeOver(
  connection: ClusterConnection,
  resource: ResourceKind,
  operation: ApplyOperation,
  options: WriteOptions & { readonly adopting: boolean },
): Promise<Written | 'nothing to take'> {
  const { metadata } = operation.manifest
  const path = objectPath(resource, metadata.namespace ?? '', metadata.name)
  const current = await connection.request({ method: 'GET', path, accept: METADATA, signal: options.signal })
  if (current.status !== 200) return { ok: false, ...classifyAnswer(current) }
  const body = parseJson(current.text)
  const live = isJsonObject(body) && isJsonObject(body.metadata) ? body.metadata : {}
  const merged = mergeEntries(live.managedFields, operation, options.adopting)
  if (merged === undefined) return 'nothing to take'
  // Status updates move the resourceVersion all the time; what must not have changed is whose object it is.
  if (operation.expect !== 'absent' && live.uid !== operation.expect.uid) {
    return { ok: false, class: 'conflict', message: 'the object was recreated meanwhile', retryable: true }
  }
  const patch = [
    { op: 'replace', path: '/metadata/managedFields', value: merged },
    { op: 'replace', path: '/metadata/resourceVersion', value: live.resourceVersion ?? '' },
  ]
  const answer = await connection.request({
    method: 'PATCH',
    path,
    query: { fieldManager: FIELD_MANAGER },
    contentType: 'application/json-patch+json',
    accept: METADATA,
    body: JSON.stringify(patch),
    signal: options.signal,
    ...(options.guard && { beforeRequest: options.guard }),
  })
  if (answer.status !== 200) return { ok: false, ...classifyAnswer(answer) }
  const seen = decodeMetadata(parseJson(answer.text), resource)
  return seen === undefined
    ? { ok: false, class: 'other', message: 'the API server answered without metadata', retryable: true }
    : { ok: true, seen, warnings: [] }
}

/**
 * The managedFields with the entries of such managers folded into ours; undefined where there is nothing to take. What an ignore rule
 * leaves to them stays theirs. Subresource entries (scale, status) stay too: taking `replicas` from scale would reset it to 1.
 */
function mergeEntries(value: Json | undefined, { manifest, ignore = [] }: ApplyOperation, adopting: boolean): Json[] | undefined {
  const raw = Array.isArray(value) ? (value as readonly Json[]) : []
  const split = raw.map((entry) => {
    const [decoded] = decodeManagedFields([entry])
    if (decoded === undefined || isOurs(decoded) || decoded.subresource !== '' || !isTakenOver(decoded.manager, adopting))
      return { entry, isMine: decoded !== undefined && isOurs(decoded), taken: {}, left: entry }
    const ignored = ignoredPart(decoded, manifest, ignore)
    const left = Object.keys(ignored).length > 0 && isJsonObject(entry) ? { ...entry, fieldsV1: ignored } : undefined
    return { entry, isMine: false, taken: withoutFields(decoded.fields, ignored), left }
  })
  const taken = split.map((one) => one.taken).reduce(unionFields, {})
  if (Object.keys(taken).length === 0) return undefined
  const mine = split.find(({ isMine }) => isMine)?.entry
  const fields = isJsonObject(mine) && isJsonObject(mine.fieldsV1) ? mine.fieldsV1 : {}
  const entry = {
    manager: FIELD_MANAGER,
    operation: 'Apply',
    apiVersion: entryVersion(mine) ?? manifest.apiVersion,
    fieldsType: 'FieldsV1',
    fieldsV1: unionFields(fields, taken),
  }
  return [entry, ...split.flatMap(({ isMine, left }) => (isMine || left === undefined ? [] : [left]))]
}

function entryVersion(entry: Json | undefined): string | undefined {
  return isJsonObject(entry) && typeof entry.apiVersion === 'string' ? entry.apiVersion : undefined
}
