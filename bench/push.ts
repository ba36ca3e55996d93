import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { GitwakeProcess } from '../scripts/demo/gitwake.ts'
import { isDryRun, isWrite } from '../test/support/audit-log.ts'
import { connectTo } from '../test/support/connect.ts'
import type { GitRepository } from '../test/support/git-server.ts'
import { createTempFolder } from '../test/support/temp-folder.ts'
import { configMap } from '../test/sync/workbench.ts'
import { medianOf, rawApply, rawNamespace, time } from './raw.ts'
import type { Row } from './row.ts'
import { applicationDocument, followAudit, openWhole, repositoryDocument, until, type Whole } from './whole.ts'

const PUSHES = 40
const RESTARTS = 5
const NAMES = ['a', 'b', 'c']

/** Push → applied: first byte of the webhook request → last write in the audit log; 3 plain objects, local HTTP Git, warm cache, preflight on. */
export async function benchPush(): Promise<Row[]> {
  const whole = await openWhole()
  try {
    const repository = await whole.host.createRepository('bench', files(0))
    const raw = await bareWay(whole, repository)
    const configuration =
      repositoryDocument('bench', repository.url) + applicationDocument('bench', { repository: 'bench', path: '', namespace: 'bench' })
    let gitwake = await whole.start(configuration)
    await until('the first sync', releasedSince(whole, 0))
    await sleep(2_000) // the first poll is over: it would bring the next commit before the push does
    const pushes = await durationsOf(PUSHES, (step) => pushOnce(whole, gitwake, repository, step))
    const firsts = await durationsOf(RESTARTS, async (step) => {
      await gitwake.stop()
      gitwake = await whole.start(configuration)
      await sleep(2_000) // what a start does of its own accord is over
      return await pushOnce(whole, gitwake, repository, PUSHES + step)
    })
    const p50 = at(pushes, 0.5)
    return [
      { name: 'push', what: 'a bare git fetch of a new commit, then three bare applies', value: raw, unit: 'ms' },
      { name: 'push', what: `push → applied, p50 of ${PUSHES}`, value: p50, unit: 'ms', ratio: p50 / raw },
      { name: 'push', what: 'push → applied, p95', value: at(pushes, 0.95), unit: 'ms' },
      { name: 'push', what: `the first push after a start, p50 of ${RESTARTS}`, value: at(firsts, 0.5), unit: 'ms' },
    ]
  } finally {
    await whole.close()
  }
}

async function durationsOf(count: number, measure: (step: number) => Promise<number>): Promise<readonly number[]> {
  const durations: number[] = []
  for (let step = 1; step <= count; step += 1) durations.push(await measure(step))
  return durations.sort((a, b) => a - b)
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

async function pushOnce(whole: Whole, gitwake: GitwakeProcess, repository: GitRepository, step: number): Promise<number> {
  const revision = await repository.commit(files(step))
  await sleep(300) // the sync before has ended, its lease is given back
  const position = await whole.audit.position()
  const from = Date.now()
  const status = await whole.push(gitwake, repository.url, revision)
  if (status !== 202) throw new Error(`the push was answered ${status}`)
  return (await until('the sync', releasedSince(whole, position))) - from
}

/** When the lease was given back after the inventory was narrowed: the last write of a sync. */
function releasedSince(whole: Whole, since: number): () => Promise<number | undefined> {
  const events = followAudit(whole.audit, since)
  return async () => {
    const writes = (await events()).filter((event) => isWrite(event) && !isDryRun(event))
    const leases = writes.filter(({ objectRef, responseStatus }) => objectRef?.resource === 'leases' && (responseStatus?.code ?? 500) < 300)
    const last = writes.at(-1)
    return leases.length >= 2 && last?.objectRef?.resource === 'leases' ? Date.parse(last.stageTimestamp) : undefined
  }
}

/** What Git and the API server need for the same, when nobody verifies, plans or records anything. */
async function bareWay({ plane }: Whole, repository: GitRepository): Promise<number> {
  const connection = await connectTo(plane.kubeconfig)
  const folder = await createTempFolder('gitwake-bench-git-')
  const git = (...args: readonly string[]) => promisify(execFile)('git', args, { cwd: folder.path })
  try {
    await git('init', '--quiet', '--bare')
    await git('fetch', '--quiet', repository.url, 'main')
    await rawNamespace(connection, 'raw')
    let step = 0
    return await medianOf(5, async () => {
      step += 1
      await repository.commit({ 'raw.txt': String(step) })
      return await time(async () => {
        await git('fetch', '--quiet', repository.url, 'main')
        const apply = (name: string) =>
          rawApply(connection, `/api/v1/namespaces/raw/configmaps/${name}`, configMap(name, { step: String(step) }))
        await Promise.all(NAMES.map(apply))
      })
    })
  } finally {
    await connection.close()
    await folder.remove()
  }
}

function files(step: number): Record<string, string> {
  return Object.fromEntries(NAMES.map((name) => [`${name}.json`, configMap(name, { step: String(step) })]))
}
