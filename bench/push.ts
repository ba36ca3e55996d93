import { setTimeout as sleep } from 'node:timers/promises'
import { isDryRun, isWrite } from '../test/support/audit-log.ts'
import { configMap } from '../test/sync/workbench.ts'
import type { Row } from './row.ts'
import { applicationDocument, followAudit, openWhole, repositoryDocument, until } from './whole.ts'

const PUSHES = 40

/** Push → applied: first byte of the webhook request → last write in the audit log; 3 plain objects, local HTTP Git, warm cache, preflight on. */
export async function benchPush(): Promise<Row[]> {
  const whole = await openWhole()
  try {
    const files = (step: number) =>
      Object.fromEntries(['a', 'b', 'c'].map((name) => [`${name}.json`, configMap(name, { step: String(step) })]))
    const repository = await whole.host.createRepository('bench', files(0))
    const application = applicationDocument('bench', { repository: 'bench', path: '', namespace: 'bench' })
    const gitwake = await whole.start(repositoryDocument('bench', repository.url) + application)
    await until('the first sync', releasedSince(0))
    const durations: number[] = []
    for (let step = 1; step <= PUSHES; step += 1) {
      const revision = await repository.commit(files(step))
      await sleep(300) // the sync before has ended, its lease is given back
      const position = await whole.audit.position()
      const from = Date.now()
      const status = await whole.push(gitwake, repository.url, revision)
      if (status !== 202) throw new Error(`the push was answered ${status}`)
      const last = await until('the sync', releasedSince(position))
      durations.push(last - from)
    }
    durations.sort((a, b) => a - b)
    const at = (share: number): number => durations[Math.min(durations.length - 1, Math.floor(share * durations.length))] ?? 0
    return [
      { name: 'push', what: `push → applied, p50 of ${PUSHES}`, value: at(0.5), unit: 'ms' },
      { name: 'push', what: 'push → applied, p95', value: at(0.95), unit: 'ms' },
    ]

    /** When the lease was given back after the inventory was narrowed: the last write of a sync. */
    function releasedSince(since: number): () => Promise<number | undefined> {
      const events = followAudit(whole.audit, since)
      return async () => {
        const writes = (await events()).filter((event) => isWrite(event) && !isDryRun(event))
        const leases = writes.filter(
          ({ objectRef, responseStatus }) => objectRef?.resource === 'leases' && (responseStatus?.code ?? 500) < 300,
        )
        const last = writes.at(-1)
        return leases.length >= 2 && last?.objectRef?.resource === 'leases' ? Date.parse(last.stageTimestamp) : undefined
      }
    }
  } finally {
    await whole.close()
  }
}
