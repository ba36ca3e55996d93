import { stat } from 'node:fs/promises'
import type { RequestOptions } from 'node:https'
import { dirname, resolve } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import { load } from 'js-yaml'
import type { Cluster, SecretReference } from '../model/configuration.ts'
import { GitwakeError } from '../model/error.ts'
import { isJsonObject, stringifyJson, type Json, type JsonObject } from '../model/json.ts'

export type ResolveSecret = (reference: SecretReference) => Promise<string>

/** Who we are to a cluster and how we reach it, as of one reading. */
export interface Credentials {
  /** Without a trailing slash; may carry a path. */
  readonly server: string
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly tls: Readonly<Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'passphrase' | 'rejectUnauthorized'>> & {
    readonly servername?: string
  }
  readonly proxyUrl: string | undefined
}

/** A kubeconfig, loaded. `files` are those whose change makes it stale; a `dynamic` one gets tokens from a program or a provider. */
export interface LoadedConfig {
  readonly config: KubeConfig
  readonly impersonation: Readonly<Record<string, string | string[]>>
  readonly files: readonly string[]
  readonly dynamic: boolean
}

/** Throws GitwakeError: `kubeconfig-invalid`, `exec-refused`, and whatever resolveSecret throws. */
export async function loadCredentials(cluster: Cluster, resolveSecret: ResolveSecret): Promise<LoadedConfig> {
  const { connection } = cluster
  if (connection.kind === 'in-cluster') return loadInCluster(cluster)
  const text = await resolveSecret(connection.kubeconfigFrom)
  const file = 'file' in connection.kubeconfigFrom ? resolve(connection.kubeconfigFrom.file) : undefined
  const entry = selectContext(cluster, parse(cluster, text), connection.context, file === undefined ? '.' : dirname(file))
  if (entry.dynamic && !connection.allowExec) throw execRefused(cluster)
  const config = new KubeConfig()
  guard(cluster, () => config.loadFromString(stringifyJson(entry.document)))
  return {
    config,
    impersonation: entry.impersonation,
    files: file === undefined ? entry.files : [file, ...entry.files],
    dynamic: entry.dynamic,
  }
}

/** What the loaded configuration says right now: reads its files and, for a dynamic one, may run its program. */
export async function readCredentials(cluster: Cluster, loaded: LoadedConfig): Promise<Credentials> {
  const server = loaded.config.getCurrentCluster()
  if (server === null) throw invalid(cluster, 'it has no current cluster')
  const options: RequestOptions & { servername?: string } = {}
  try {
    await loaded.config.applyToHTTPSOptions(options)
  } catch (error) {
    throw invalid(cluster, error instanceof Error ? error.message : 'its credentials cannot be read', error)
  }
  const { ca, cert, key, passphrase, rejectUnauthorized, servername, auth } = options
  return {
    server: server.server,
    headers: {
      ...loaded.impersonation,
      ...(auth && { authorization: `Basic ${Buffer.from(auth).toString('base64')}` }),
      ...textHeaders(options.headers),
    },
    tls: {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(passphrase !== undefined && { passphrase }),
      ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
      ...(servername !== undefined && { servername }),
    },
    proxyUrl: server.proxyUrl,
  }
}

/** Changes whenever one of the files does; a missing file counts as a state of its own. */
export async function fingerprintOf(files: readonly string[]): Promise<string> {
  const states = await Promise.all(
    files.map((file) =>
      stat(file).then(
        (found) => `${found.ino}:${found.size}:${found.mtimeMs}`,
        () => 'missing',
      ),
    ),
  )
  return states.join(' ')
}

function loadInCluster(cluster: Cluster): LoadedConfig {
  const config = new KubeConfig()
  config.loadFromCluster()
  const server = config.getCurrentCluster()
  if (server === null || server.server.includes('undefined')) {
    throw new GitwakeError('not-in-cluster', `Cluster ${cluster.name} is configured as inCluster, but this process does not run in a Pod`, {
      fix: 'Run the worker of this cluster inside it, or name a kubeconfig with kubeconfigFrom.',
    })
  }
  const tokenFile: unknown = config.getCurrentUser()?.authProvider?.config?.tokenFile
  const files = [server.caFile, tokenFile].filter((file) => typeof file === 'string')
  return { config, impersonation: {}, files, dynamic: false }
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

interface SelectedContext {
  readonly document: JsonObject
  readonly impersonation: Readonly<Record<string, string | string[]>>
  readonly files: readonly string[]
  readonly dynamic: boolean
}

/** Only the entries of one context, with file references made absolute: what other users of the file carry is none of our business. */
function selectContext(cluster: Cluster, document: JsonObject, wanted: string | undefined, root: string): SelectedContext {
  const context = wanted ?? document['current-context']
  if (typeof context !== 'string' || context === '') throw invalid(cluster, 'it has no current-context')
  const chosen = namedEntry(cluster, document, 'contexts', 'context', context)
  const server = absolute(namedEntry(cluster, document, 'clusters', 'cluster', chosen['cluster']), root, ['certificate-authority'])
  const named = chosen['user'] === undefined ? {} : namedEntry(cluster, document, 'users', 'user', chosen['user'])
  const found = absolute(named, root, ['client-certificate', 'client-key', 'tokenFile'])
  const user = withTokenFile(found)
  const files = [server['certificate-authority'], found['client-certificate'], found['client-key'], found['tokenFile']]
  return {
    document: {
      'current-context': 'context',
      contexts: [{ name: 'context', context: { cluster: 'cluster', user: 'user' } }],
      clusters: [{ name: 'cluster', cluster: server }],
      users: [{ name: 'user', user }],
    },
    impersonation: impersonationOf(found),
    files: files.filter((file) => typeof file === 'string'),
    // A provider of the file's own (gcp, azure, oidc) may name a program in `cmd-path`: the same danger as `exec`.
    dynamic: isJsonObject(found['exec']) || isJsonObject(found['auth-provider']),
  }
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

/** client-node does not know kubectl's `tokenFile`, but has the same thing under another name. As with kubectl it wins over `token`. */
function withTokenFile(user: JsonObject): JsonObject {
  const { tokenFile, token, 'token-file': _unsupported, ...rest } = user
  if (typeof tokenFile !== 'string') return { ...rest, ...(token !== undefined && { token }) }
  return { ...rest, 'auth-provider': { name: 'tokenFile', config: { tokenFile } } }
}

/** client-node sends only the user; leaving out the groups would act with other rights than those configured. */
function impersonationOf(user: JsonObject): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {}
  const groups = user['as-groups']
  if (Array.isArray(groups) && groups.length > 0) headers['impersonate-group'] = groups.map(String)
  if (typeof user['as-uid'] === 'string') headers['impersonate-uid'] = user['as-uid']
  const extra = user['as-user-extra']
  for (const [key, values] of isJsonObject(extra) ? Object.entries(extra) : []) {
    if (Array.isArray(values)) headers[`impersonate-extra-${encodeURIComponent(key)}`] = values.map(String)
  }
  return headers
}

function textHeaders(headers: RequestOptions['headers']): Record<string, string> {
  const entries = Object.entries(headers ?? {}).filter((entry) => typeof entry[1] === 'string')
  return Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), String(value).trim()]))
}

function guard(cluster: Cluster, read: () => void): void {
  try {
    read()
  } catch (error) {
    throw invalid(cluster, error instanceof Error ? error.message : 'it cannot be read', error)
  }
}

function invalid(cluster: Cluster, why: string, cause?: unknown): GitwakeError {
  return new GitwakeError('kubeconfig-invalid', `The kubeconfig of cluster ${cluster.name} cannot be used: ${why}`, {
    fix: 'Check the file or variable that kubeconfigFrom names with: kubectl --kubeconfig FILE version',
    retryable: true,
    cause,
  })
}

function execRefused(cluster: Cluster): GitwakeError {
  return new GitwakeError('exec-refused', `The kubeconfig of cluster ${cluster.name} wants to run a program to get credentials`, {
    fix: 'Use a token, a tokenFile or a client certificate; or set allowExec: true on the Cluster if you trust whoever can write that file.',
  })
}
