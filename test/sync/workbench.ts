import { randomUUID } from 'node:crypto'
import { connectCluster, type ClusterConnection } from '../../src/cluster/connect.ts'
import { createDestination } from '../../src/cluster/destination.ts'
import type { Application, Repository, SyncPolicy } from '../../src/model/configuration.ts'
import type { Fight } from '../../src/model/fight.ts'
import type { AuditSpan, SyncJob, SyncReason } from '../../src/model/job.ts'
import { isJsonObject, parseJson, type JsonObject } from '../../src/model/json.ts'
import { applySetId } from '../../src/model/names.ts'
import type { PlanReport, PlanSubject } from '../../src/model/plan-report.ts'
import type { SyncResult } from '../../src/model/result.ts'
import type { Standing } from '../../src/model/standing.ts'
import { createRenderer } from '../../src/render/renderer.ts'
import { createSource } from '../../src/source/source.ts'
import { planOnly } from '../../src/sync/plan-only.ts'
import type { Destination } from '../../src/sync/ports.ts'
import type { ProposePorts } from '../../src/sync/propose.ts'
import type { SyncRequest } from '../../src/sync/request.ts'
import { sync } from '../../src/sync/sync.ts'
import { openAuditLog, type AuditLog } from '../support/audit-log.ts'
import { clusterOf, kubeconfigText } from '../cluster-client/api-server.ts'
import { connectTo, silent } from '../support/connect.ts'
import type { ControlPlane } from '../support/control-plane.ts'
import { startGitServer, type Changes, type GitRepository } from '../support/git-server.ts'
import { openControlPlane } from '../support/shared-control-plane.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const HEAD: PlanSubject = { of: 'head' }
const POLICY: SyncPolicy = { prune: true, selfHeal: true, partial: false, preflight: true, undeclared: 'report', healthTimeoutMs: 0 }

/** One application with a repository and a namespace of its own. */
export interface Subject {
  readonly application: Application
  readonly namespace: string
  readonly repository: GitRepository
  /** Runs a sync as a worker would. */
  sync(options?: {
    readonly reason?: SyncReason
    readonly confirmedPlan?: string
    readonly afterFailure?: boolean
    readonly audit?: AuditSpan
    readonly fights?: readonly Fight[]
    /** As configured otherwise for this run. */
    readonly application?: Partial<Application>
    /** What Redis knows of what people said. */
    readonly said?: Standing
    /** Gets what Redis is told. */
    readonly told?: Standing[]
    readonly destination?: Destination
    readonly install?: string
    /** In place of the subject's own. */
    readonly policy?: Partial<SyncPolicy>
    readonly superseded?: () => Promise<boolean>
    readonly dependencies?: SyncRequest['dependencies']
    readonly signal?: AbortSignal
  }): Promise<SyncResult>
  /** Plans as a worker would. */
  plan(options?: {
    readonly subject?: PlanSubject
    readonly pullRequestPlans?: boolean
    /** Heads that the configured branch has had. */
    readonly headsBefore?: readonly string[]
  }): Promise<PlanReport>
}

/** A real control plane and a real Git host, joined by the real sync. */
export interface Workbench {
  readonly connection: ClusterConnection
  readonly destination: Destination
  /** Of this workbench's requests alone, its raw ones included. */
  readonly audit: AuditLog
  readonly inventoryNamespace: string
  /** An application of these files, or of those below a path. */
  subject(files: Changes, policy?: Partial<SyncPolicy>, path?: string): Promise<Subject>
  /** A connection of this workbench with the rights of a ServiceAccount alone; it ends with the workbench. */
  connectAs(account: { readonly namespace: string; readonly name: string }, namespaces?: readonly string[]): Promise<ClusterConnection>
  /** Raw request as the admin: `kubectl` without kubectl. The parsed answer; throws above 299 unless `mayFail`. */
  api(
    method: 'DELETE' | 'GET' | 'PATCH' | 'POST' | 'PUT',
    path: string,
    body?: object,
    options?: {
      readonly contentType?: string
      readonly manager?: string
      readonly force?: boolean
      readonly dryRun?: boolean
      readonly mayFail?: boolean
    },
  ): Promise<JsonObject>
  close(): Promise<void>
}

/**
 * Shares the test run's control plane, in namespaces of its own. A test that freezes or stops the API server, or that breaks
 * discovery or admission for everyone, starts one of its own (startControlPlane) and hands it over: it ends with the workbench.
 */
export async function openWorkbench(own?: ControlPlane, kustomizePath?: string): Promise<Workbench> {
  const plane = own === undefined ? await openControlPlane() : { ...own, close: own.stop }
  const id = randomUUID().slice(0, 8)
  const version = `test-${id}`
  const host = await startGitServer()
  const connection = await connectTo(plane.kubeconfig, version)
  const options = { inventoryNamespace: `inventories-${id}`, holder: version, version }
  const destination = createDestination(connection, options)
  const folder = await createTempFolder('gitwake-cache-')
  const source = createSource({ cacheDir: folder.path, resolveSecret: () => Promise.reject(new Error('no secrets here')) })
  const renderer = createRenderer({ ...(kustomizePath !== undefined && { kustomizePath }) })
  const names = new Set<string>()
  const opened: ClusterConnection[] = [connection]

  const api: Workbench['api'] = async (
    method,
    path,
    body,
    { contentType = 'application/json', manager = 'kubectl-edit', force, dryRun = false, mayFail = false } = {},
  ) => {
    const answer = await connection.request({
      method,
      path,
      query: { fieldManager: method === 'GET' || method === 'DELETE' ? undefined : manager, force, dryRun: dryRun ? 'All' : undefined },
      contentType,
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    })
    if (answer.status > 299 && !mayFail) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
    const parsed = parseJson(answer.text)
    return isJsonObject(parsed) ? parsed : {}
  }

  return {
    connection,
    destination,
    audit: openAuditLog(plane.auditLog, { userAgent: `gitwake/${version}` }),
    inventoryNamespace: options.inventoryNamespace,
    async subject(files, policy = {}, path = '') {
      const name = `app-${randomUUID().slice(0, 8)}`
      names.add(name)
      const repository = await host.createRepository(name, files)
      const application: Application = {
        name,
        source: { repository: name, ref: 'refs/heads/main', path },
        destination: { cluster: 'test', namespace: name, createNamespace: true },
        sync: { ...POLICY, ...policy },
        dependsOn: [],
      }
      const configured: Repository = { name, url: repository.url, pollIntervalMs: 60_000, allowInsecure: true }
      const ports: ProposePorts = {
        renderer,
        destination,
        install: 'gitwake',
        inventoryNamespace: options.inventoryNamespace,
        applicationOf: (applySet) => [...names].find((candidate) => applySetId(candidate, options.inventoryNamespace) === applySet),
      }
      return {
        application,
        namespace: name,
        repository,
        async plan({ subject = HEAD, pullRequestPlans = false, headsBefore = [] } = {}) {
          return await planOnly(
            {
              application: { ...application, source: { ...application.source, pullRequestPlans } },
              repository: configured,
              subject,
              signal: AbortSignal.timeout(60_000),
            },
            {
              ...ports,
              source,
              heads: { has: (_repository, _ref, revision) => Promise.resolve(headsBefore.includes(revision)) },
              now: Date.now,
            },
          )
        },
        async sync(run = {}) {
          const { reason = 'manual', confirmedPlan, afterFailure = false, audit } = run
          const triggers = [{ reason, at: Date.now(), ...(audit && { audit }) }]
          const job: SyncJob = {
            application: name,
            reason,
            seen: 1,
            triggers,
            afterFailure,
            ...(confirmedPlan !== undefined && { confirmedPlan }),
          }
          return await sync(
            {
              job,
              application: { ...application, ...run.application, sync: { ...application.sync, ...run.policy } },
              repository: configured,
              said: run.said ?? {},
              say: (standing) => {
                run.told?.push(standing)
                return Promise.resolve()
              },
              fights: run.fights ?? [],
              windows: run.policy?.windows ?? [],
              ...(run.dependencies && { dependencies: run.dependencies }),
              lastHealth: 'current',
              signal: run.signal ?? AbortSignal.timeout(60_000),
              superseded: run.superseded ?? (() => Promise.resolve(false)),
              onApplied: () => Promise.resolve(),
            },
            {
              ...ports,
              source,
              destination: run.destination ?? destination,
              heads: { admit: () => Promise.resolve('accepted'), has: () => Promise.resolve(false) },
              install: run.install ?? 'gitwake',
              now: Date.now,
            },
          )
        },
      }
    },
    async connectAs({ namespace, name }, namespaces) {
      const token = await api('POST', `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`, {})
      const status = token['status']
      const user = { token: isJsonObject(status) ? status['token'] : undefined }
      const kubeconfig = kubeconfigText(plane.server, user, { 'certificate-authority': plane.caFile })
      const cluster = { ...clusterOf('kubeconfig'), ...(namespaces && { namespaces }) }
      const restricted = await connectCluster(cluster, { resolveSecret: () => Promise.resolve(kubeconfig), log: silent, version })
      opened.push(restricted)
      return restricted
    },
    api,
    async close() {
      await source.close()
      await Promise.all(opened.map((each) => each.close()))
      await host.stop()
      await plane.close()
    },
  }
}

export function configMap(name: string, data: Record<string, string>): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data })
}
