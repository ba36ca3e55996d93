import type { Log } from '../model/log.ts'
import type { Cluster } from '../model/configuration.ts'
import type { ReadEnvironment, ResolveSecret } from './credentials.ts'
import { createRequester, type ApiRequest, type ApiResponse, type ApiStream, type StreamRequest } from './request.ts'
import { createServerClock } from './server-clock.ts'
import { openSessions } from './session.ts'

/** One cluster, ready for raw JSON requests. */
export interface ClusterConnection {
  readonly name: string
  /** The only namespaces that may be looked at and written to; the whole cluster where this is missing. */
  readonly namespaces?: readonly string[]
  /**
   * Sends one request and reads its whole answer, whatever the status: `classifyAnswer` tells what a status of 400 and above means.
   * Throws GitwakeError where there was no answer: `cluster-unreachable`, `cluster-timeout`, `cluster-busy` (all retryable), or
   * `cluster-answer-too-large`; the signal's reason when it was aborted; whatever `beforeRequest` throws.
   */
  request(request: ApiRequest): Promise<ApiResponse>
  /** Opens an answer without an end (a watch), outside the bound on concurrent requests. Throws as `request` does. */
  stream(request: StreamRequest): Promise<ApiStream>
  /**
   * Milliseconds since 1970 by the API server's clock, to about half a second, better with more answers.
   * Before the first answer there is only the local clock.
   */
  serverTime(): number
  /** Ends every request and watch. */
  close(): Promise<void>
}

export interface ConnectDependencies {
  readonly resolveSecret: ResolveSecret
  /** Where the cluster of this very Pod is found; without it there is none. */
  readonly environment?: ReadEnvironment
  readonly log: Log
  /** Of gitwake, for the User-Agent that the audit log shows. */
  readonly version?: string
  /** Requests at once; 32 unless told. */
  readonly concurrency?: number
  /** How long one request goes on while the server asks for patience, in milliseconds; 30 s unless told. */
  readonly patienceMs?: number
}

/**
 * Reads the credentials of a cluster and prepares connections to it; sends nothing yet.
 * Throws GitwakeError: `kubeconfig-invalid`, `exec-refused`, `not-in-cluster`, and whatever resolveSecret throws.
 */
export async function connectCluster(cluster: Cluster, dependencies: ConnectDependencies): Promise<ClusterConnection> {
  const { resolveSecret, environment = () => undefined, log, version, concurrency = 32, patienceMs = 30_000 } = dependencies
  const sessions = await openSessions(cluster, { resolveSecret, environment, log })
  const clock = createServerClock()
  const userAgent = version === undefined ? 'gitwake' : `gitwake/${version}`
  const requester = createRequester({
    name: cluster.name,
    sessions,
    clock,
    log,
    userAgent,
    concurrency,
    limit: cluster.requests,
    patienceMs,
  })
  return {
    name: cluster.name,
    ...(cluster.namespaces && { namespaces: cluster.namespaces }),
    request: requester.request,
    stream: requester.stream,
    serverTime: () => clock.now() ?? Date.now(),
    close: () => sessions.close(),
  }
}
