import { canonicalJson, isJsonObject, parseJson, type Json } from '../model/json.ts'
import type { ResourceKind } from '../model/kinds.ts'
import { FIELD_MANAGER } from '../model/names.ts'
import type { ApplyOperation } from '../sync/ports.ts'
import type { ClusterConnection } from './connect.ts'
import { objectPath } from './paths.ts'
import { asYaml } from './write.ts'

/**
 * Would applying this manifest change the live object? The API server itself decides, by a dry-run: nothing else knows its
 * defaults, its conversions and its admission. Anything but two clean answers counts as a difference, which the apply then settles.
 */
export async function compareWithLive(
  connection: ClusterConnection,
  resource: ResourceKind,
  { manifest }: ApplyOperation,
  signal: AbortSignal,
): Promise<'same' | 'different'> {
  const path = objectPath(resource, manifest.metadata.namespace ?? '', manifest.metadata.name)
  const [live, applied] = await Promise.all([
    connection.request({ method: 'GET', path, signal }),
    connection.request({
      method: 'PATCH',
      path,
      query: { fieldManager: FIELD_MANAGER, force: 'true', fieldValidation: 'Strict', dryRun: 'All' },
      contentType: 'application/apply-patch+yaml',
      body: asYaml(manifest),
      signal,
      idempotent: true,
    }),
  ])
  if (live.status !== 200 || applied.status !== 200) return 'different'
  const [before, after] = [live, applied].map(({ text }) => comparable(parseJson(text), resource))
  return before === after ? 'same' : 'different'
}

/** What an apply may change without anybody calling it a difference. */
const BOOKKEEPING = new Set(['managedFields', 'resourceVersion', 'generation'])

function comparable(object: Json, { hasStatus }: ResourceKind): string {
  if (!isJsonObject(object) || !isJsonObject(object.metadata)) return canonicalJson(object)
  const metadata = Object.fromEntries(Object.entries(object.metadata).filter(([key]) => !BOOKKEEPING.has(key)))
  const { status, ...rest } = object
  // A status that is no subresource is a field like any other, and an apply can set it.
  return canonicalJson({ ...rest, metadata, ...(!hasStatus && { status }) })
}
