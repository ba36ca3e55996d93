import { randomUUID } from 'node:crypto'
import { configMap, openWorkbench, type Workbench } from '../test/sync/workbench.ts'
import type { Row } from './row.ts'

const OBJECTS = 1_000

/** 1,000 ConfigMaps of one application: first apply and unchanged, beside a bare loop over the same requests. */
export async function benchObjects(): Promise<Row[]> {
  const bench = await openWorkbench()
  try {
    await (await bench.subject({ 'warm.json': configMap('warm', { x: '1' }) })).sync()
    const raw = await rawApply(bench)
    const without = await firstApply(bench, false)
    const { ms: preflighted, subject } = await firstApply(bench, true)
    const position = await bench.audit.position()
    const unchanged = await time(() => subject.sync({ reason: 'drift' }))
    const requests = (await bench.audit.read({ userAgent: 'gitwake/' }, position)).length
    return [
      { name: 'objects', what: `${OBJECTS} ConfigMaps, bare loop of applies, 32 at a time`, value: raw, unit: 'ms' },
      { name: 'objects', what: 'first apply without preflight', value: without.ms, unit: 'ms', ratio: without.ms / raw },
      { name: 'objects', what: 'first apply with preflight', value: preflighted, unit: 'ms', ratio: preflighted / raw },
      { name: 'objects', what: 'unchanged (fetch, render and observe)', value: unchanged, unit: 'ms' },
      { name: 'objects', what: 'unchanged, requests to the API server', value: requests, unit: 'requests' },
    ]
  } finally {
    await bench.close()
  }
}

async function firstApply(bench: Workbench, preflight: boolean) {
  const documents = Array.from({ length: OBJECTS }, (_, index) => configMap(`c-${index}`, { index: String(index) }))
  const subject = await bench.subject({ 'all.yaml': documents.join('\n---\n') }, { preflight })
  let outcome = ''
  const ms = await time(async () => (outcome = (await subject.sync()).outcome))
  if (outcome !== 'synced') throw new Error(`the bench's own sync ended ${outcome}`)
  return { ms, subject }
}

/** What the API server needs for the same writes when nobody thinks about them. */
async function rawApply(bench: Workbench): Promise<number> {
  const namespace = `raw-${randomUUID().slice(0, 8)}`
  await bench.api('POST', '/api/v1/namespaces', { metadata: { name: namespace } })
  return await time(async () => {
    await Promise.all(
      Array.from({ length: OBJECTS }, (_, index) =>
        bench.connection.request({
          method: 'PATCH',
          path: `/api/v1/namespaces/${namespace}/configmaps/c-${index}`,
          query: { fieldManager: 'raw', force: 'true' },
          contentType: 'application/apply-patch+yaml',
          body: configMap(`c-${index}`, { index: String(index) }),
          signal: AbortSignal.timeout(60_000),
        }),
      ),
    )
  })
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  await work()
  return performance.now() - from
}
