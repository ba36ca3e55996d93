import { readFile, stat } from 'node:fs/promises'
import type { RequestOptions } from 'node:https'
import { isIPv6 } from 'node:net'
import { dirname, resolve } from 'node:path'
import type { Cluster, SecretReference } from '../model/configuration.ts'
import { GitwakeError } from '../model/error.ts'
import { isJsonObject, type JsonObject } from '../model/json.ts'
import { invalid, readContext, type Context } from './kubeconfig.ts'
import type { Minted } from './token-mint.ts'

export type ResolveSecret = (reference: SecretReference) => Promise<string>

/** Who we are to a cluster and how we reach it, as of one reading. */
export interface Credentials {
  /** Without a trailing slash; may carry a path. */
  readonly server: string
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly tls: Readonly<Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized'>> & { readonly servername?: string }
  readonly proxyUrl: string | undefined
}

/** A kubeconfig, loaded. `files` are those whose change makes it stale; a `dynamic` one gets tokens from a program or a provider. */
export interface LoadedConfig {
  readonly context: Context
  readonly files: readonly string[]
  readonly dynamic: boolean
  readonly mint: () => Promise<Minted>
}

/** Reads a variable: a Pod is told of its own cluster by KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT. */
export type ReadEnvironment = (name: string) => string | undefined

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'
const NOTHING_MINTED: Minted = { headers: {}, tls: {} }

/** Throws GitwakeError: `kubeconfig-invalid`, `exec-refused`, `not-in-cluster`, and whatever resolveSecret throws. */
export async function loadCredentials(cluster: Cluster, resolveSecret: ResolveSecret, environment: ReadEnvironment): Promise<LoadedConfig> {
  const { connection } = cluster
  if (connection.kind === 'in-cluster') return withMint(cluster, ownCluster(cluster, environment), [])
  const text = await resolveSecret(connection.kubeconfigFrom)
  const file = 'file' in connection.kubeconfigFrom ? resolve(connection.kubeconfigFrom.file) : undefined
  const context = readContext(cluster, text, connection.context, file === undefined ? '.' : dirname(file))
  if (context.dynamic && !connection.allowExec) throw execRefused(cluster)
  return withMint(cluster, context, file === undefined ? [] : [file])
}

/** Kubernetes' own client knows all programs and providers. It takes 65 MiB and half a second, so only who needs them loads it (decision 012). */
async function withMint(cluster: Cluster, context: Context, files: readonly string[]): Promise<LoadedConfig> {
  const loaded = { context, files: [...files, ...context.files], dynamic: context.dynamic }
  if (!context.dynamic) return { ...loaded, mint: () => Promise.resolve(NOTHING_MINTED) }
  const { openTokenMint } = await import('./token-mint.ts')
  try {
    return { ...loaded, mint: openTokenMint(context) }
  } catch (error) {
    throw invalid(cluster, error instanceof Error ? error.message : 'it cannot be read', error)
  }
}

/** What the loaded configuration says right now: reads its files and, for a dynamic one, may run its program. */
export async function readCredentials(cluster: Cluster, { context, mint }: LoadedConfig): Promise<Credentials> {
  const { server, user } = context
  try {
    const [ca, cert, key, token, minted] = await Promise.all([
      bytesOf(server, 'certificate-authority'),
      bytesOf(user, 'client-certificate'),
      bytesOf(user, 'client-key'),
      tokenOf(user),
      mint(),
    ])
    return {
      server: String(server['server']).replace(/\/$/, ''),
      headers: { ...impersonationOf(user), ...passwordOf(user), ...token, ...minted.headers },
      tls: {
        ...(ca !== undefined && { ca }),
        ...(cert !== undefined && { cert }),
        ...(key !== undefined && { key }),
        ...minted.tls,
        ...(server['insecure-skip-tls-verify'] === true && { rejectUnauthorized: false }),
        ...(typeof server['tls-server-name'] === 'string' && { servername: server['tls-server-name'] }),
      },
      proxyUrl: typeof server['proxy-url'] === 'string' ? server['proxy-url'] : undefined,
    }
  } catch (error) {
    throw invalid(cluster, error instanceof Error ? error.message : 'its credentials cannot be read', error)
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

function ownCluster(cluster: Cluster, environment: ReadEnvironment): Context {
  const [host, port] = [environment('KUBERNETES_SERVICE_HOST'), environment('KUBERNETES_SERVICE_PORT')]
  if (host === undefined || port === undefined) {
    throw new GitwakeError('not-in-cluster', `Cluster ${cluster.name} is configured as inCluster, but this process does not run in a Pod`, {
      fix: 'Run the worker of this cluster inside it, or name a kubeconfig with kubeconfigFrom.',
    })
  }
  const [authority, tokenFile] = [`${SERVICE_ACCOUNT}/ca.crt`, `${SERVICE_ACCOUNT}/token`]
  const server = { server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`, 'certificate-authority': authority }
  return { server, user: { tokenFile }, files: [authority, tokenFile], dynamic: false }
}

/** As with kubectl, a file wins over what stands in the kubeconfig itself. */
async function bytesOf(entry: JsonObject, field: string): Promise<Buffer | undefined> {
  const [file, data] = [entry[field], entry[`${field}-data`]]
  if (typeof file === 'string' && file !== '') return await readFile(file)
  return typeof data === 'string' && data !== '' ? Buffer.from(data, 'base64') : undefined
}

async function tokenOf({ token, tokenFile }: JsonObject): Promise<Record<string, string>> {
  const found = typeof tokenFile === 'string' && tokenFile !== '' ? await readFile(tokenFile, 'utf8') : token
  return typeof found === 'string' && found !== '' ? { authorization: `Bearer ${found.trim()}` } : {}
}

function passwordOf({ username, password }: JsonObject): Record<string, string> {
  if (typeof username !== 'string' || username === '') return {}
  return { authorization: `Basic ${Buffer.from(`${username}:${typeof password === 'string' ? password : ''}`).toString('base64')}` }
}

/** Whole or not at all: leaving out the groups would act with other rights than those configured. */
function impersonationOf(user: JsonObject): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {}
  const groups = user['as-groups']
  if (Array.isArray(groups) && groups.length > 0) headers['impersonate-group'] = groups.map(String)
  if (typeof user['as-uid'] === 'string') headers['impersonate-uid'] = user['as-uid']
  const extra = user['as-user-extra']
  for (const [key, values] of isJsonObject(extra) ? Object.entries(extra) : []) {
    if (Array.isArray(values)) headers[`impersonate-extra-${encodeURIComponent(key)}`] = values.map(String)
  }
  if (typeof user['as'] === 'string') headers['impersonate-user'] = user['as']
  return headers
}

function execRefused(cluster: Cluster): GitwakeError {
  return new GitwakeError('exec-refused', `The kubeconfig of cluster ${cluster.name} wants to run a program to get credentials`, {
    fix: 'Use a token, a tokenFile or a client certificate; or set allowExec: true on the Cluster if you trust whoever can write that file.',
  })
}
