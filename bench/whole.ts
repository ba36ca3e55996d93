import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { startGitwake, type GitwakeProcess } from '../scripts/demo/gitwake.ts'
import { openAuditLog, type AuditEvent, type AuditLog } from '../test/support/audit-log.ts'
import { startControlPlane, type ControlPlane } from '../test/support/control-plane.ts'
import { randomFreePort } from '../test/support/free-port.ts'
import { startGitServer, type GitServer } from '../test/support/git-server.ts'
import { startRedisServer } from '../test/support/redis-server.ts'
import { createTempFolder } from '../test/support/temp-folder.ts'

/** The whole program on real parts, for the benches that measure it from outside. */
export interface Whole {
  readonly plane: ControlPlane
  readonly host: GitServer
  readonly audit: AuditLog
  readonly redisUrl: string
  /** Starts `gitwake start` with this configuration; the cluster is called `bench`. */
  start(configuration: string): Promise<GitwakeProcess>
  /** Replaces the configuration of what runs. */
  configure(configuration: string): Promise<void>
  /** Sends a signed push as GitHub does; resolves with the answer's status. */
  push(gitwake: GitwakeProcess, repositoryUrl: string, after: string): Promise<number>
  close(): Promise<void>
}

export const CLUSTER = 'bench'

/** `clusterSettings`: further fields of the Cluster's spec. */
export async function openWhole(clusterSettings = 'sweepInterval: 10m'): Promise<Whole> {
  const plane = await startControlPlane({ log: () => undefined })
  const host = await startGitServer()
  const redis = await startRedisServer({ appendOnly: true })
  const folder = await createTempFolder('gitwake-bench-')
  const secret = randomBytes(16).toString('hex')
  const running: GitwakeProcess[] = []
  const cluster = `apiVersion: gitwake.dev/v1\nkind: Cluster\nmetadata: {name: ${CLUSTER}}\nspec: {kubeconfigFrom: {file: ${plane.kubeconfig}}, ${clusterSettings}}\n---\n`
  const configure = (configuration: string): Promise<void> => writeFile(`${folder.path}/gitwake.yaml`, cluster + configuration)
  return {
    plane,
    host,
    audit: openAuditLog(plane.auditLog),
    redisUrl: redis.url,
    configure,
    async start(configuration) {
      await configure(configuration)
      const environment = {
        REDIS_URL: redis.url,
        GITWAKE_CONFIG: `${folder.path}/gitwake.yaml`,
        GITWAKE_CACHE_DIR: `${folder.path}/cache`,
        GITHUB_WEBHOOK_SECRET: secret,
        GITWAKE_RATE_LIMIT: 'off',
        LOG_LEVEL: 'warn',
      }
      const gitwake = await startGitwake(await randomFreePort(), environment, AbortSignal.timeout(60_000))
      running.push(gitwake)
      return gitwake
    },
    async push({ url }, repositoryUrl, after) {
      const refs = { ref: 'refs/heads/main', before: 'b'.repeat(40), after, created: false, deleted: false, forced: false }
      const body = JSON.stringify({
        ...refs,
        commits: [],
        head_commit: null,
        repository: { clone_url: repositoryUrl, html_url: repositoryUrl },
      })
      const headers = {
        'content-type': 'application/json',
        'x-github-event': 'push',
        'x-github-delivery': randomUUID(),
        'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
      }
      return (await fetch(`${url}/hooks/github`, { method: 'POST', headers, body })).status
    },
    async close() {
      for (const gitwake of running) await gitwake.stop()
      await redis.stop()
      await host.stop()
      await plane.stop()
      await folder.remove()
    },
  }
}

export function repositoryDocument(name: string, url: string): string {
  return `apiVersion: gitwake.dev/v1\nkind: Repository\nmetadata: {name: ${name}}\nspec: {url: "${url}", allowInsecure: true, pollInterval: 1h}\n`
}

/** A document of the configuration, with the line that parts it from the one before. */
export function applicationDocument(
  name: string,
  {
    repository,
    path,
    namespace,
    sync = {},
  }: { readonly repository: string; readonly path: string; readonly namespace: string; readonly sync?: object },
): string {
  const spec = { source: { repository, ref: 'main', path }, destination: { cluster: CLUSTER, namespace }, sync }
  return `---\n${JSON.stringify({ apiVersion: 'gitwake.dev/v1', kind: 'Application', metadata: { name }, spec })}\n`
}

/** Reads the audit log as it grows: all events of gitwake so far, each parsed once, lest the bench takes the time that it measures. */
export function followAudit(audit: AuditLog, since = 0): () => Promise<readonly AuditEvent[]> {
  const events: AuditEvent[] = []
  let position = since
  return async () => {
    const read = await audit.readOn({ userAgent: 'gitwake/' }, position)
    events.push(...read.events)
    position = read.position
    return events
  }
}

/** Polls a condition on the audit log. */
export async function until<Value>(what: string, look: () => Promise<Value | undefined>): Promise<Value> {
  const deadline = performance.now() + 300_000
  while (performance.now() < deadline) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${what} did not happen`)
}
