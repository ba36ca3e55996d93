import { setTimeout as sleep } from 'node:timers/promises'
import { isDryRun, isWrite } from '../test/support/audit-log.ts'
import { connectTo } from '../test/support/connect.ts'
import { configMap } from '../test/sync/workbench.ts'
import type { Row } from './row.ts'
import { openWhole, until } from './whole.ts'

const EDITS = 12
/** Sweeps without a watch come this often here, and take one round of this from the edit at worst. */
const SWEEP_SECONDS = 5

/** A hand edit → the object carries again what Git says: by a watch, and by sweeps alone. Local HTTP Git, preflight on. */
export async function benchDrift(): Promise<Row[]> {
  return [
    ...(await healing('with watches', 'sweepInterval: 10m', EDITS)),
    ...(await healing(`without, a sweep every ${SWEEP_SECONDS} s`, `watch: false, sweepInterval: ${SWEEP_SECONDS}s`, EDITS / 2)),
  ]
}

async function healing(how: string, clusterSettings: string, edits: number): Promise<Row[]> {
  const whole = await openWhole(clusterSettings)
  const connection = await connectTo(whole.plane.kubeconfig, 'bench-editor')
  try {
    const repository = await whole.host.createRepository('bench', { 'a.json': configMap('a', { x: '1' }) })
    await whole.start(`
apiVersion: gitwake.dev/v1
kind: Repository
metadata: {name: bench}
spec: {url: "${repository.url}", allowInsecure: true, pollInterval: 1h}
---
apiVersion: gitwake.dev/v1
kind: Application
metadata: {name: bench}
spec: {source: {repository: bench, ref: main, path: ""}, destination: {cluster: bench, namespace: bench}}
`)
    await until('the first sync', () => applied(0))
    await sleep(2_000) // the watch begins after the first sync has ended
    const durations: number[] = []
    for (let edit = 0; edit < edits; edit += 1) {
      const position = await whole.audit.position()
      const from = Date.now()
      const answer = await connection.request({
        method: 'PATCH',
        path: '/api/v1/namespaces/bench/configmaps/a',
        query: { fieldManager: `editor-${edit}` },
        contentType: 'application/merge-patch+json',
        body: JSON.stringify({ data: { x: `edit ${edit}` } }),
        signal: AbortSignal.timeout(10_000),
      })
      if (answer.status !== 200) throw new Error(`the edit was answered ${answer.status}`)
      durations.push((await until('the repair', () => applied(position))) - from)
      await sleep(1_000) // that sync has ended
    }
    durations.sort((a, b) => a - b)
    const at = (share: number): number => durations[Math.min(durations.length - 1, Math.floor(share * durations.length))] ?? 0
    return [
      { name: 'drift', what: `hand edit → repaired, ${how}, p50 of ${edits}`, value: at(0.5), unit: 'ms' },
      { name: 'drift', what: `hand edit → repaired, ${how}, slowest`, value: at(1), unit: 'ms' },
    ]
  } finally {
    await connection.close()
    await whole.close()
  }

  async function applied(since: number): Promise<number | undefined> {
    const events = await whole.audit.read({ userAgent: 'gitwake/' }, since)
    const written = events.filter((event) => isWrite(event) && !isDryRun(event) && event.objectRef?.resource === 'configmaps')
    const ours = written.filter(({ requestURI }) => requestURI.includes('fieldManager=gitwake&'))
    const last = ours.at(-1)
    return last === undefined ? undefined : Date.parse(last.stageTimestamp)
  }
}
