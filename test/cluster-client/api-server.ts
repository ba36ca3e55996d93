import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { connectCluster, type ClusterConnection, type ConnectDependencies } from '../../src/cluster/connect.ts'
import type { Cluster } from '../../src/model/configuration.ts'
import type { Log } from '../../src/model/log.ts'

/** A server that answers as a test wants it to, for what a real API server does not do on demand. */
export async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export function answer(response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)
}

export async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += String(chunk)
  return text
}

export const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
}

export async function tempFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gitwake-test-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A kubeconfig with one user; plain http needs the insecure flag. */
export function kubeconfigText(server: string, user: object, cluster: object = { 'insecure-skip-tls-verify': true }): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    clusters: [{ name: 'test', cluster: { server, ...cluster } }],
    users: [{ name: 'test', user }],
  })
}

export function clusterOf(file: string, more: { readonly allowExec?: boolean; readonly context?: string } = {}): Cluster {
  const connection = { kind: 'kubeconfig' as const, kubeconfigFrom: { file }, allowExec: false, ...more }
  return { name: 'test', sweepIntervalMs: 60_000, auditIntervalMs: 0, watch: false, connection }
}

/** Reads files as the secrets of the configuration are read. */
export const resolveSecret: ConnectDependencies['resolveSecret'] = async (reference) =>
  'file' in reference ? readFile(reference.file, 'utf8') : Promise.reject(new Error('not in this test'))

export async function connectTo(
  t: TestContext,
  server: string,
  options: Partial<ConnectDependencies> & { readonly user?: object } = {},
): Promise<ClusterConnection> {
  const file = join(await tempFolder(t), 'kubeconfig')
  await writeFile(file, kubeconfigText(server, options.user ?? { token: 'secret-token' }))
  const connection = await connectCluster(clusterOf(file), { resolveSecret, log: silent, version: '1.2.3', ...options })
  t.after(() => connection.close())
  return connection
}
