import { isJsonObject, type Json, type JsonObject } from '../model/json.ts'
import { PART_OF_LABEL } from '../model/names.ts'
import type { Manifest } from '../model/object.ts'
import { typeName, type Checked, type Complaint } from './check.ts'
import { displayPath, type FieldPath } from './locate.ts'

/** Metadata that only the API server writes: in Git it is left over from `kubectl get -o yaml`. */
const SERVER_FIELDS = [
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'managedFields',
  'selfLink',
]
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/**
 * What Git means by a manifest: without status, server fields and the notes of `kubectl apply`, and with a Secret's stringData folded into
 * data, so that digests and plans see one form. Refuses our own membership label.
 */
export function normalise(manifest: Manifest, base: FieldPath): Checked {
  const warnings: string[] = []
  const labels = manifest.metadata.labels ?? {}
  if (Object.hasOwn(labels, PART_OF_LABEL)) {
    const path = [...base, 'metadata', 'labels', PART_OF_LABEL]
    const message = `${displayPath(path)} is gitwake's own label: it says to which application an object belongs`
    return {
      complaints: [{ code: 'own-label', path, message, fix: 'Remove the label: gitwake sets it.' }],
    }
  }
  const withoutStatus = dropStatus(manifest, warnings)
  const cleaned = {
    ...withoutStatus,
    metadata: cleanMetadata(manifest.metadata, warnings),
  } as Manifest
  if (cleaned.apiVersion !== 'v1' || cleaned.kind !== 'Secret') return { manifest: cleaned, warnings }
  const complaints = secretComplaints(cleaned, base)
  return complaints.length > 0 ? { complaints } : { manifest: foldStringData(cleaned), warnings }
}

function dropStatus(manifest: Manifest, warnings: string[]): JsonObject {
  if (manifest.status === undefined) return manifest
  const { status, ...rest } = manifest
  // Generators write an empty status into every manifest: not worth a word.
  if (!isBlank(status)) warnings.push('status is ignored: only the cluster writes it')
  return rest
}

function cleanMetadata(metadata: JsonObject, warnings: string[]): JsonObject {
  const cleaned: Record<string, Json | undefined> = { ...metadata }
  for (const field of SERVER_FIELDS) {
    if (!(field in cleaned)) continue
    if (!isBlank(cleaned[field])) warnings.push(`metadata.${field} is ignored: only the API server writes it`)
    delete cleaned[field]
  }
  const annotations = metadata.annotations
  if (isJsonObject(annotations) && Object.hasOwn(annotations, LAST_APPLIED)) {
    const { [LAST_APPLIED]: _, ...rest } = annotations
    cleaned.annotations = rest
    if (Object.keys(rest).length === 0) delete cleaned.annotations
    warnings.push(`metadata.annotations[${LAST_APPLIED}] is ignored: it belongs to kubectl apply`)
  }
  return cleaned
}

function isBlank(value: Json | undefined): boolean {
  if (value === null || value === undefined || value === '') return true
  return typeof value === 'object' && Object.values(value).every(isBlank)
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

function secretComplaints(secret: Manifest, base: FieldPath): readonly Complaint[] {
  const complaints: Complaint[] = []
  for (const field of ['data', 'stringData']) {
    const map = secret[field]
    const complain = (path: FieldPath, what: string, fix: string): void => {
      complaints.push({
        code: 'secret-invalid',
        path,
        message: `${displayPath(path)} ${what}`,
        fix,
      })
    }
    if (map === undefined || map === null) continue
    if (!isJsonObject(map)) {
      complain([...base, field], `is ${typeName(map)}, not a map`, 'Write it as a map of keys to text.')
      continue
    }
    for (const [key, value] of Object.entries(map)) {
      const path = [...base, field, key]
      if (value === null) continue
      if (typeof value !== 'string') complain(path, `is ${typeName(value)}, not text`, 'Write the value in quotes.')
      else if (field === 'data' && !BASE64.test(value.replaceAll(/[\r\n]/g, ''))) {
        complain(path, 'is not base64', 'Write plain text under stringData, or encode it.')
      }
    }
  }
  return complaints
}

/** As the API server does: stringData wins over data, an empty value is the empty text. */
function foldStringData(secret: Manifest): Manifest {
  const { stringData, data, ...rest } = secret
  if (!isJsonObject(stringData) && !isJsonObject(data)) return rest as Manifest
  const folded: Record<string, Json> = {}
  // The API server stores base64 without line breaks; written so here, both sides have one digest.
  for (const [key, value] of Object.entries(isJsonObject(data) ? data : {})) folded[key] = String(value ?? '').replaceAll(/[\r\n]/g, '')
  for (const [key, value] of Object.entries(isJsonObject(stringData) ? stringData : {})) {
    folded[key] = Buffer.from(String(value ?? ''), 'utf8').toString('base64')
  }
  return { ...rest, data: folded } as Manifest
}
