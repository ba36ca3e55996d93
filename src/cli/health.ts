import { readFile } from 'node:fs/promises'
import { loadConfiguration } from '../config/load.ts'
import { BUILT_IN_RULES, createHealthRules, type HealthRules } from '../health/rules.ts'
import { GitwakeError } from '../model/error.ts'
import { worstHealth, type ObjectHealth } from '../model/health.ts'
import { isJsonObject, type Json } from '../model/json.ts'
import { displayName, objectIdOf, type LiveObject } from '../model/object.ts'
import { decodeText, readDocuments } from '../render/documents.ts'
import { DEFAULT_LIMITS } from '../render/limits.ts'
import { ReadError } from '../render/read-error.ts'
import { state } from './show.ts'
import { readStandardInput } from './standard-input.ts'
import { plain, table } from './table.ts'
import type { Terminal } from './terminal.ts'

/** `gitwake health -f FILE`: status and message of each object in a file, as `kubectl get -o yaml` prints them; 1 where one has failed. */
export async function health(
  terminal: Terminal,
  options: {
    readonly file: string
    readonly json: boolean
    /** The cluster of the configuration at a path by whose rules to judge; by what is built in otherwise. */
    readonly like: { readonly cluster: string; readonly path: string } | undefined
    readonly now: number
  },
  signal: AbortSignal,
): Promise<number> {
  const { file, json, like, now } = options
  const rules = like === undefined ? BUILT_IN_RULES : await rulesOf(like)
  const content = file === '-' ? await readStandardInput(signal) : await contentOf(file)
  const objects: readonly ObjectHealth[] = liveObjects(file, content).map((object) => ({
    object: objectIdOf(object),
    ...rules.of(object, now),
  }))
  const rows = objects.map(({ object, status, message }) => [plain(displayName(object)), state(terminal, status), plain(message)])
  terminal.out(json ? `${JSON.stringify(objects, null, 2)}\n` : table(['OBJECT', 'HEALTH', 'MESSAGE'], rows))
  return worstHealth(objects.map(({ status }) => status)) === 'failed' ? 1 : 0
}

async function rulesOf({ cluster, path }: { readonly cluster: string; readonly path: string }): Promise<HealthRules> {
  const { clusters } = await loadConfiguration(path)
  const found = clusters.get(cluster)
  if (found !== undefined) return await createHealthRules(found.health)
  throw new GitwakeError('unknown-cluster', `${path} has no cluster "${cluster}".`, {
    fix: `Name one of: ${[...clusters.keys()].join(', ')}.`,
  })
}

async function contentOf(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (cause) {
    throw new GitwakeError('path-not-found', `${file} cannot be read.`, {
      fix: 'Name a file that exists and is readable, or - for standard input.',
      cause,
    })
  }
}

/** The objects of a file with their status, which a manifest would not keep; Lists are opened. */
function liveObjects(file: string, content: Uint8Array): readonly LiveObject[] {
  try {
    const documents = [...readDocuments(file, decodeText(content), DEFAULT_LIMITS)]
    return documents.flatMap((document) => {
      if (document.error !== undefined) throw document.error
      return open(document.value, `${file} (document ${document.number})`)
    })
  } catch (error) {
    if (!(error instanceof ReadError)) throw error
    throw new GitwakeError('manifest-invalid', `${file}: ${error.message}.`, { fix: error.fix, cause: error })
  }
}

function open(value: Json, place: string): readonly LiveObject[] {
  if (isJsonObject(value) && typeof value['kind'] === 'string' && value['kind'].endsWith('List') && Array.isArray(value['items'])) {
    return value['items'].flatMap((item: Json, index) => open(item, `${place}, item ${index + 1}`))
  }
  if (isLiveObject(value)) return [value]
  throw new GitwakeError('manifest-invalid', `${place} is not a Kubernetes object: it needs apiVersion, kind and metadata.name.`, {
    fix: 'Give what "kubectl get -o yaml" prints.',
  })
}

function isLiveObject(value: Json): value is LiveObject {
  if (!isJsonObject(value) || !isJsonObject(value['metadata'])) return false
  return typeof value['apiVersion'] === 'string' && typeof value['kind'] === 'string' && typeof value['metadata']['name'] === 'string'
}
