import type { ClusterConnection } from '../src/cluster/connect.ts'

/** Applies one object as a bare client would: no condition, no thought. */
export async function rawApply(connection: ClusterConnection, path: string, body: string, { dryRun = false } = {}): Promise<void> {
  const { status, text } = await connection.request({
    method: 'PATCH',
    path,
    query: { fieldManager: 'raw', force: 'true', dryRun: dryRun ? 'All' : undefined },
    contentType: 'application/apply-patch+yaml',
    body,
    signal: AbortSignal.timeout(120_000),
  })
  if (status > 299) throw new Error(`${path}: ${status} ${text}`)
}

export async function rawNamespace(connection: ClusterConnection, name: string): Promise<void> {
  await rawApply(connection, `/api/v1/namespaces/${name}`, JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }))
}

/** Milliseconds that some work takes. */
export async function time(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  await work()
  return performance.now() - from
}

/** The middle one of an odd number of runs. */
export async function medianOf(runs: number, measure: () => Promise<number>): Promise<number> {
  const values: number[] = []
  for (let run = 0; run < runs; run += 1) values.push(await measure())
  return values.sort((a, b) => a - b)[Math.floor(runs / 2)] ?? 0
}
