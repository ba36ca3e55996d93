import { isJsonObject, parseJson, type Json, type JsonObject } from '../model/json.ts'
import type { ResourceKind } from '../model/kinds.ts'
import { DETACHED_MANAGER, FIELD_MANAGER, PART_OF_LABEL } from '../model/names.ts'
import type { ObjectId } from '../model/object.ts'
import { isOurs } from '../model/observation.ts'
import type { Relabelled, Released, WriteOptions } from '../sync/ports.ts'
import type { ClusterConnection } from './connect.ts'
import { classifyAnswer } from './errors.ts'
import { decodeManagedFields, decodeMetadata, METADATA } from './metadata.ts'
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
  const edit = { applySet, manager: DETACHED_MANAGER, patch: unmark }
  const answer = await editMetadata(connection, resource, object, edit, options)
  return answer.ok ? { ok: true } : answer
}

/** Gives one object from one application to another, by its label. Nothing to do where the object is gone or not of the first. */
export async function relabelObject(
  connection: ClusterConnection,
  resource: ResourceKind,
  object: ObjectId,
  { from, to, uid }: { readonly from: string; readonly to: string; readonly uid?: string },
  options: WriteOptions,
): Promise<Relabelled> {
  const patch = (metadata: JsonObject): JsonObject[] => [
    ...exactly(metadata),
    { op: 'replace', path: `/metadata/labels/${pointer(PART_OF_LABEL)}`, value: to },
  ]
  return await editMetadata(connection, resource, object, { applySet: from, manager: FIELD_MANAGER, patch, uid }, options)
}

/** Changes the metadata of exactly the object of an ApplySet that is there. */
async function editMetadata(
  connection: ClusterConnection,
  resource: ResourceKind,
  object: ObjectId,
  edit: {
    readonly applySet: string
    readonly manager: string
    readonly patch: (metadata: JsonObject) => JsonObject[]
    readonly uid?: string | undefined
  },
  options: WriteOptions,
): Promise<Relabelled> {
  const path = objectPath(resource, object.namespace, object.name)
  for (let attempt = 1; ; attempt += 1) {
    const current = await connection.request({ method: 'GET', path, accept: METADATA, signal: options.signal })
    if (current.status === 404) return { ok: true }
    if (current.status !== 200) return { ok: false, ...classifyAnswer(current) }
    const body = parseJson(current.text)
    const metadata = isJsonObject(body) && isJsonObject(body.metadata) ? body.metadata : {}
    if (!isJsonObject(metadata.labels) || metadata.labels[PART_OF_LABEL] !== edit.applySet) return { ok: true }
    if (edit.uid !== undefined && metadata.uid !== edit.uid) return { ok: true }
    const answer = await connection.request({
      method: 'PATCH',
      path,
      query: { fieldManager: edit.manager },
      contentType: 'application/json-patch+json',
      accept: METADATA,
      body: JSON.stringify(edit.patch(metadata)),
      signal: options.signal,
      ...(options.guard && { beforeRequest: options.guard }),
    })
    if (answer.status === 404) return { ok: true }
    if (answer.status === 200) {
      const seen = decodeMetadata(parseJson(answer.text), resource)
      return { ok: true, ...(seen && { seen }) }
    }
    const refusal = classifyAnswer(answer)
    if (refusal.class !== 'conflict' || attempt === ATTEMPTS) return { ok: false, ...refusal }
  }
}

/** It must still be the object, in the state, that was read. */
function exactly({ uid, resourceVersion }: JsonObject): JsonObject[] {
  return [
    { op: 'test', path: '/metadata/uid', value: uid ?? '' },
    { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion ?? '' },
  ]
}

function unmark(metadata: JsonObject): JsonObject[] {
  const { annotations, managedFields } = metadata
  const ours = isJsonObject(annotations) ? Object.keys(annotations).filter((name) => name.startsWith('gitwake.dev/')) : []
  const entries = Array.isArray(managedFields) ? (managedFields as readonly Json[]) : []
  return [
    ...exactly(metadata),
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
