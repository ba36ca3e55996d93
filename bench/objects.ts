import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { sweep } from '../src/sync/sweep.ts'
import { applySetId, PART_OF_LABEL } from '../src/model/names.ts'
import { configMap, openWorkbench, type Subject, type Workbench } from '../test/sync/workbench.ts'
import { medianOf, rawApply, rawNamespace, time } from './raw.ts'
import type { Row } from './row.ts'
import { bareList } from './sweeps.ts'
import { until } from './whole.ts'

const OBJECTS = 1_000
const RUNS = 5

/** 1,000 objects of one application: first apply and unchanged, beside bare loops over the same requests. */
export async function benchObjects(): Promise<Row[]> {
  const bench = await openWorkbench()
  try {
    await (await bench.subject({ 'warm.json': configMap('warm', { x: '1' }) })).sync()
    const raw = await bareLoop(bench, {})
    const rawTried = await bareLoop(bench, { dryRun: true })
    const without = await firstApply(bench, configMaps(), { preflight: false })
    const withPreflight = await firstApply(bench, configMaps(), { preflight: true })
    const deployments = await firstApply(
      bench,
      Array.from({ length: OBJECTS }, (_, index) => deployment(`d-${index}`)),
      { preflight: false },
    )
    await untilQuiet(bench, deployments.subject)
    const twice = raw + rawTried
    return [
      row(`${OBJECTS} ConfigMaps, bare loop of applies, 32 at a time`, raw, 'ms'),
      row('a bare loop of dry-runs and then of applies', twice, 'ms'),
      row('first apply without preflight', without.ms, 'ms', without.ms / raw),
      row('first apply with preflight', withPreflight.ms, 'ms', withPreflight.ms / twice),
      ...(await unchanged(bench, withPreflight.subject, 'ConfigMaps', '/api/v1/configmaps')),
      ...(await unchanged(bench, deployments.subject, 'Deployments', '/apis/apps/v1/deployments')),
      ...(await swept(bench)),
    ]
  } finally {
    await bench.close()
  }
}

async function unchanged(bench: Workbench, subject: Subject, kind: string, path: string): Promise<Row[]> {
  const selector = `${PART_OF_LABEL}=${applySetId(subject.application.name, bench.inventoryNamespace)}`
  const bare = await medianOf(RUNS, () => time(() => bareList(bench.connection, path, selector)))
  const fetches: number[] = []
  const position = await bench.audit.position()
  const ms = await medianOf(RUNS, () =>
    time(async () => {
      const { counts, timings, message } = await subject.sync({ reason: 'drift' })
      if (counts.unchanged !== OBJECTS) throw new Error(`the bench's own objects are not unchanged: ${message}`)
      fetches.push(timings['fetch'] ?? 0)
    }),
  )
  const requests = (await bench.audit.read({ userAgent: 'gitwake/' }, position)).length / RUNS
  const fetch = fetches.sort((a, b) => a - b)[Math.floor(RUNS / 2)] ?? 0
  return [
    row(`a bare LIST of ${OBJECTS} ${kind}`, bare, 'ms'),
    row(`${OBJECTS} ${kind} unchanged (fetch, render and observe)`, ms, 'ms', ms / bare),
    row('of that, the fetch from Git', fetch, 'ms'),
    row('the same, requests to the API server', requests, 'requests'),
  ]
}

/** The same objects as a sweep looks at them: without Git, all applications of the bench together. */
async function swept({ destination, inventoryNamespace, connection, audit }: Workbench): Promise<Row[]> {
  const position = await audit.position()
  let objects = 0
  const ms = await medianOf(RUNS, () =>
    time(async () => {
      const { applications } = await sweep(
        destination,
        { inventoryNamespace, installation: 'gitwake' },
        { from: 0, to: 0, intervalMs: 1 },
        AbortSignal.timeout(60_000),
      )
      objects = applications.reduce((sum, { present }) => sum + present.length, 0)
      const moved = applications.flatMap(({ deviations }) => deviations)
      if (moved.length > 0) throw new Error(`the bench's own objects are not as they were left: ${JSON.stringify(moved[0])}`)
    }),
  )
  const requests = (await audit.read({ userAgent: 'gitwake/' }, position)).length / RUNS
  const bare = await medianOf(RUNS, () =>
    time(() => Promise.all(['/api/v1/configmaps', '/apis/apps/v1/deployments'].map((path) => bareList(connection, path)))),
  )
  return [
    row(`bare LISTs of ${objects} objects of 2 kinds`, bare, 'ms'),
    row(`${objects} objects of all of these applications unchanged, by a sweep`, ms, 'ms', ms / bare),
    row('the same, requests to the API server', requests, 'requests'),
  ]
}

function row(what: string, value: number, unit: Row['unit'], ratio?: number): Row {
  return { name: 'objects', what, value, unit, ...(ratio !== undefined && { ratio }) }
}

async function firstApply(bench: Workbench, documents: readonly string[], { preflight }: { readonly preflight: boolean }) {
  const subject = await bench.subject({ 'all.yaml': documents.join('\n---\n') }, { preflight })
  let outcome = ''
  const ms = await time(async () => (outcome = (await subject.sync()).outcome))
  if (outcome !== 'synced') throw new Error(`the bench's own sync ended ${outcome}`)
  return { ms, subject }
}

/** The cluster's own controllers have written what they have to say about new Deployments. */
async function untilQuiet(bench: Workbench, { namespace }: Subject): Promise<void> {
  const look = async () => JSON.stringify((await bench.api('GET', `/apis/apps/v1/namespaces/${namespace}/deployments`)).items)
  let before = ''
  await until('the controllers are done with the Deployments', async () => {
    const now = await look()
    const isQuiet = now === before
    before = now
    await sleep(2_000)
    return isQuiet ? true : undefined
  })
}

function configMaps(): string[] {
  return Array.from({ length: OBJECTS }, (_, index) => configMap(`c-${index}`, { index: String(index) }))
}

/** Without replicas, so that no Pod runs; it has everything else that a Deployment usually has. */
function deployment(name: string): string {
  const labels = { app: name }
  const probe = { httpGet: { path: '/', port: 80 } }
  const container = {
    name: 'main',
    image: 'nginx',
    ports: [{ containerPort: 80 }],
    env: [{ name: 'A', value: '1' }],
    readinessProbe: probe,
  }
  const template = { metadata: { labels }, spec: { containers: [container] } }
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: { replicas: 0, selector: { matchLabels: labels }, template },
  })
}

/** What the API server needs for the same requests when nobody thinks about them; dry-runs are asked as a preflight asks. */
async function bareLoop({ connection }: Workbench, options: { readonly dryRun?: boolean }): Promise<number> {
  const namespace = `raw-${randomUUID().slice(0, 8)}`
  await rawNamespace(connection, namespace)
  return await time(async () => {
    await Promise.all(
      Array.from({ length: OBJECTS }, (_, index) =>
        rawApply(
          connection,
          `/api/v1/namespaces/${namespace}/configmaps/c-${index}`,
          configMap(`c-${index}`, { index: String(index) }),
          options,
        ),
      ),
    )
  })
}
