import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { startGitwake, type GitwakeProcess } from '../scripts/demo/gitwake.ts'
import { openAuditLog, type AuditLog } from '../test/support/audit-log.ts'
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
  /** Starts `gitwake start` with this configuration; the cluster is called `bench`. */
  start(configuration: string): Promise<GitwakeProcess>
  /** Sends a signed push as GitHub does; resolves with the answer's status. */
  push(gitwake: GitwakeProcess, repositoryUrl: string, after: string): Promise<number>
  close(): Promise<void>
}

export async function openWhole(): Promise<Whole> {
  const plane = await startControlPlane({ log: () => undefined })
  const host = await startGitServer()
  const redis = await startRedisServer({ appendOnly: true })
  const folder = await createTempFolder('gitwake-bench-')
  const secret = randomBytes(16).toString('hex')
  const running: GitwakeProcess[] = []
  const cluster = `apiVersion: gitwake.dev/v1\nkind: Cluster\nmetadata: {name: bench}\nspec: {kubeconfigFrom: {file: ${plane.kubeconfig}}, sweepInterval: 10m}\n---\n`
  return {
    plane,
    host,
    audit: openAuditLog(plane.auditLog),
    async start(configuration) {
      await writeFile(`${folder.path}/gitwake.yaml`, cluster + configuration)
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

/** Polls a condition on the audit log. */
export async function until<Value>(what: string, look: () => Promise<Value | undefined>): Promise<Value> {
  const deadline = performance.now() + 300_000
  while (performance.now() < deadline) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`${what} did not happen`)
}
