import { resolve } from 'node:path'
import { load } from 'js-yaml'
import type { Cluster } from '../model/configuration.ts'
import { GitwakeError } from '../model/error.ts'
import { isJsonObject, type Json, type JsonObject } from '../model/json.ts'

/** One context of a kubeconfig: file references are absolute, and what other users of the file carry is left out. */
export interface Context {
  readonly server: JsonObject
  readonly user: JsonObject
  /** That it refers to. */
  readonly files: readonly string[]
  /** Whether its credentials come from a program or a provider. */
  readonly dynamic: boolean
}

/** Throws GitwakeError `kubeconfig-invalid`, which shows none of its text. */
export function readContext(cluster: Cluster, text: string, wanted: string | undefined, root: string): Context {
  const document = parse(cluster, text)
  const context = wanted ?? document['current-context']
  if (typeof context !== 'string' || context === '') throw invalid(cluster, 'it has no current-context')
  const chosen = namedEntry(cluster, document, 'contexts', 'context', context)
  const server = absolute(namedEntry(cluster, document, 'clusters', 'cluster', chosen['cluster']), root, ['certificate-authority'])
  const named = chosen['user'] === undefined ? {} : namedEntry(cluster, document, 'users', 'user', chosen['user'])
  const user = absolute(named, root, ['client-certificate', 'client-key', 'tokenFile'])
  if (typeof server['server'] !== 'string' || !URL.canParse(server['server'])) throw invalid(cluster, 'its cluster has no server')
  const files = [server['certificate-authority'], user['client-certificate'], user['client-key'], user['tokenFile']]
  return {
    server,
    user,
    files: files.filter((file) => typeof file === 'string'),
    // A provider of the file's own (gcp, azure, oidc) may name a program in `cmd-path`: the same danger as `exec`.
    dynamic: isJsonObject(user['exec']) || isJsonObject(user['auth-provider']),
  }
}

export function invalid(cluster: Cluster, why: string, cause?: unknown): GitwakeError {
  return new GitwakeError('kubeconfig-invalid', `The kubeconfig of cluster ${cluster.name} cannot be used: ${why}`, {
    fix: 'Check the file or variable that kubeconfigFrom names with: kubectl --kubeconfig FILE version',
    retryable: true,
    cause,
  })
}

function parse(cluster: Cluster, text: string): JsonObject {
  let document: unknown
  try {
    document = load(text)
  } catch {
    // The parser's message quotes the text, which holds credentials.
    throw invalid(cluster, 'it is not YAML')
  }
  const decoded = document as Json | undefined
  if (!isJsonObject(decoded)) throw invalid(cluster, 'it is not a mapping')
  return decoded
}

function namedEntry(cluster: Cluster, document: JsonObject, list: string, field: string, name: Json | undefined): JsonObject {
  const entries = document[list]
  const entry = Array.isArray(entries) ? entries.find((item: Json) => isJsonObject(item) && item['name'] === name) : undefined
  const value = isJsonObject(entry) ? entry[field] : undefined
  if (!isJsonObject(value)) throw invalid(cluster, `it has no ${field} named ${typeof name === 'string' ? name : 'nothing'}`)
  return value
}

function absolute(entry: JsonObject, root: string, fields: readonly string[]): JsonObject {
  const files = fields.flatMap((field) => {
    const file = entry[field]
    return typeof file === 'string' && file !== '' ? [[field, resolve(root, file)] as const] : []
  })
  return { ...entry, ...Object.fromEntries(files) }
}
