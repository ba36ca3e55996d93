import { isJsonObject, parseJson, type Json, type JsonObject } from '../model/json.ts'
import type { ResourceKind } from '../model/kinds.ts'
import { DETACHED_MANAGER, PART_OF_LABEL } from '../model/names.ts'
import type { ObjectId } from '../model/object.ts'
import { isOurs } from '../model/observation.ts'
import type { Released, WriteOptions } from '../sync/ports.ts'
import type { ClusterConnection } from './connect.ts'
import { classifyAnswer } from './errors.ts'
import { decodeManagedFields, METADATA } from './metadata.ts'
import { objectPath } from './paths.ts'

/** Somebody who writes to it all the time leaves a gap now and then. */
const ATTEMPTS = 8

/**
 * Takes our marks from one object and changes nothing else: the label, our annotations, and our name in managedFields. The fields stay owned,
 * by a manager of another name: an entry that is given up takes its fields along. Nothing to do where the object is gone or not ours.
 */
export async function releaseObject(
  connection: ClusterConnection,
  resource: ResourceKind,
  object: ObjectId,
  applySet: string,
  options: WriteOptions,
): Promise<Released> {
  const path = objectPath(resource, object.namespace, object.name)
  for (let attempt = 1; ; attempt += 1) {
    const current = await connection.request({ method: 'GET', path, accept: METADATA, signal: options.signal })
    if (current.status === 404) return { ok: true }
    if (current.status !== 200) return { ok: false, ...classifyAnswer(current) }
    const body = parseJson(current.text)
    const metadata = isJsonObject(body) && isJsonObject(body.metadata) ? body.metadata : {}
    if (!isJsonObject(metadata.labels) || metadata.labels[PART_OF_LABEL] !== applySet) return { ok: true }
    const answer = await connection.request({
      method: 'PATCH',
      path,
      query: { fieldManager: DETACHED_MANAGER },
      contentType: 'application/json-patch+json',
      accept: METADATA,
      body: JSON.stringify(unmark(metadata)),
      signal: options.signal,
      ...(options.guard && { beforeRequest: options.guard }),
    })
    if (answer.status === 200 || answer.status === 404) return { ok: true }
    const refusal = classifyAnswer(answer)
    if (refusal.class !== 'conflict' || attempt === ATTEMPTS) return { ok: false, ...refusal }
  }
}

function unmark({ uid, resourceVersion, annotations, managedFields }: JsonObject): JsonObject[] {
  const ours = isJsonObject(annotations) ? Object.keys(annotations).filter((name) => name.startsWith('gitwake.dev/')) : []
  const entries = Array.isArray(managedFields) ? (managedFields as readonly Json[]) : []
  return [
    { op: 'test', path: '/metadata/uid', value: uid ?? '' },
    { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion ?? '' },
    ...[`labels/${pointer(PART_OF_LABEL)}`, ...ours.map((name) => `annotations/${pointer(name)}`)].map((place) => ({
      op: 'remove',
      path: `/metadata/${place}`,
    })),
    ...(entries.length === 0 ? [] : [{ op: 'replace', path: '/metadata/managedFields', value: entries.map(renamed) }]),
  ]
}

function renamed(entry: Json): Json {
  return isJsonObject(entry) && decodeManagedFields([entry]).some(isOurs) ? { ...entry, manager: DETACHED_MANAGER } : entry
}

/** RFC 6901. */
function pointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
