import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Configuration } from '../../src/model/configuration.ts'
import type { SyncResult } from '../../src/model/result.ts'
import type { Standing, Suspension } from '../../src/model/standing.ts'
import { createHeadHistory } from '../../src/queue/heads.ts'
import { readStanding } from '../../src/queue/standing.ts'
import { createLookAround } from '../../src/roles/look-around.ts'
import { configurationOf, setUp, silent } from '../queue/setup.ts'
import { isDryRun, isWrite } from '../support/audit-log.ts'
import { configMap, openWorkbench, type Subject, type Workbench } from './workbench.ts'

const STOPPED: Suspension = { active: true, by: 'ada', reason: 'a move', at: 1_000 }
const MERGE = { contentType: 'application/merge-patch+json' }

function told(result: SyncResult): string {
  return `${result.outcome}: ${result.message} ${JSON.stringify(result.problem ?? '')} ${JSON.stringify(result.changes)}`
}

describe('what holds of an application until further notice', { timeout: 300_000 }, () => {
  let bench: Workbench
  before(async () => {
    bench = await openWorkbench()
  })
  after(() => bench.close())

  /** Paths that were written for good since a position, without the inventory's. */
  async function written(position: number): Promise<readonly string[]> {
    const events = (await bench.audit.read({}, position)).filter((event) => isWrite(event) && !isDryRun(event))
    return events.map(({ requestURI }) => requestURI).filter((uri) => !uri.includes(bench.inventoryNamespace))
  }

  async function value({ namespace }: Subject): Promise<unknown> {
    const { data } = await bench.api('GET', `/api/v1/namespaces/${namespace}/configmaps/a`)
    return (data as { x?: string }).x
  }

  it('suspends: a push is planned and answered, nothing is written, and a Redis that forgets sets nothing going', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    await app.sync()
    const position = await bench.audit.position()
    await app.repository.commit({ 'a.json': configMap('a', { x: '2' }) })
    const stopped = await app.sync({ reason: 'push', said: { suspension: STOPPED } })
    assert.equal(stopped.outcome, 'suspended', told(stopped))
    assert.equal(stopped.message, 'suspended by ada since 1970-01-01T00:00:01Z: a move; it would be 1 configured')
    assert.deepEqual(stopped.counts, { configured: 1 })

    const forgotten = await app.sync({ reason: 'manual' })
    assert.equal(forgotten.outcome, 'suspended', told(forgotten))
    assert.deepEqual(await written(position), [])
    assert.equal(await value(app), '1')

    const resumed = await app.sync({ said: { suspension: { ...STOPPED, active: false, at: 2_000 } } })
    assert.equal(resumed.outcome, 'synced', told(resumed))
    assert.equal(await value(app), '2')
    // The older word, from a Redis that was restored from a backup, does not stop it again.
    const old = await app.sync({ said: { suspension: STOPPED } })
    assert.equal(old.outcome, 'synced', told(old))
  })

  it('reports drift of a suspended application, and neither heals nor prunes it', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }), 'b.json': configMap('b', { y: '1' }) })
    await app.sync()
    await bench.api('PATCH', `/api/v1/namespaces/${app.namespace}/configmaps/a`, { data: { x: 'hand' } }, MERGE)
    await app.repository.commit({ 'b.json': null })
    const position = await bench.audit.position()
    const result = await app.sync({ reason: 'drift', said: { suspension: STOPPED } })
    assert.equal(result.outcome, 'suspended', told(result))
    assert.deepEqual(result.counts, { configured: 1, pruned: 1 })
    assert.deepEqual(
      result.changes.flatMap(({ drift = [] }) => drift.map(({ field }) => field)),
      ['data.x'],
    )
    assert.deepEqual(await written(position), [])
  })

  it('is stopped before its first sync, too, and by its configuration', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    const first = await app.sync({ said: { suspension: STOPPED } })
    assert.equal(first.outcome, 'suspended', told(first))
    const again = await app.sync()
    assert.equal(again.outcome, 'suspended', told(again))

    const suspend = { reason: 'not yet' }
    const result = await app.sync({ application: { suspend }, said: { suspension: { ...STOPPED, active: false, at: 2_000 } } })
    assert.equal(result.message, 'suspended by the configuration: not yet; it would be 2 created', told(result))
  })

  it('plans in a closed window and writes nothing until it opens; by hand where the window allows it', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    await app.sync()
    await app.repository.commit({ 'a.json': configMap('a', { x: '2' }) })
    const closed = { kind: 'deny', schedule: '* * * * *', timeZone: 'UTC', durationMs: 3_600_000, manual: true } as const
    const position = await bench.audit.position()
    const result = await app.sync({ reason: 'push', policy: { windows: [closed] } })
    assert.equal(result.outcome, 'waiting', told(result))
    assert.match(result.message, /^waits for a sync window .*a deny window is active: \* \* \* \* \* \(UTC\)\); it would be 1 configured$/)
    assert.deepEqual(await written(position), [])
    const byHand = await app.sync({ reason: 'manual', policy: { windows: [closed] } })
    assert.equal(byHand.outcome, 'synced', told(byHand))
    assert.equal(await value(app), '2')
  })

  function pinTo(revision: string, bad: readonly string[], at = 5_000): Standing {
    return { pin: { active: true, by: 'ada', reason: 'it fails', at, revision, bad, settled: false } }
  }

  it('rolls back and stays there: for polls, heals, syncs by hand and a Redis that forgets, until the branch brings something else', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }), '.gitlab/x': '1' })
    const good = await app.repository.head()
    const between = await app.repository.commit({ 'a.json': configMap('a', { x: '2' }) })
    const bad = await app.repository.commit({ 'a.json': configMap('a', { x: '3' }) })
    await app.sync()
    const said: Standing[] = []
    const back = await app.sync({ said: pinTo(good, [bad]), told: said })
    assert.equal(back.outcome, 'synced', told(back))
    assert.deepEqual([back.revision, back.head, await value(app)], [good, bad, '1'])
    assert.match(back.message, new RegExp(`^pinned to ${good.slice(0, 12)} by ada since 1970-01-01T00:00:05Z: it fails; `))
    assert.deepEqual([said[0]?.pin?.settled, said[0]?.pin?.bad], [true, [bad, between]])

    for (const reason of ['poll', 'manual', 'retry'] as const) {
      const again = await app.sync({ reason })
      assert.equal(again.revision, good, told(again))
    }
    await bench.api('PATCH', `/api/v1/namespaces/${app.namespace}/configmaps/a`, { data: { x: 'hand' } }, MERGE)
    assert.equal((await app.sync({ reason: 'drift' })).counts.configured, 1)
    assert.equal(await value(app), '1')

    // A commit between, by a force push, is as bad; so is one that changes nothing here.
    await app.repository.setRef('refs/heads/main', between)
    assert.equal((await app.sync({ reason: 'push' })).revision, good)
    await app.repository.setRef('refs/heads/main', bad)
    await app.repository.commit({ '.gitlab/x': '2' })
    const elsewhere = await app.sync({ reason: 'push' })
    assert.deepEqual([elsewhere.revision, await value(app)], [good, '1'], told(elsewhere))

    const fix = await app.repository.commit({ 'a.json': configMap('a', { x: '4' }) })
    const over = await app.sync({ reason: 'push' })
    assert.deepEqual([over.revision, over.head, await value(app)], [fix, undefined, '4'], told(over))
    assert.match(over.message, /^the pin to \w{12} is over: the branch moved on to \w{12}; 1 configured/)
    // The word of the rollback, still in Redis, is older than its end.
    assert.equal((await app.sync({ said: pinTo(good, [bad]) })).revision, fix)
  })

  it('ends a rollback when the branch is set back to it, and by hand', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    const good = await app.repository.head()
    const bad = await app.repository.commit({ 'a.json': configMap('a', { x: '2' }) })
    await app.sync()
    await app.sync({ said: pinTo(good, [bad]) })
    await app.repository.setRef('refs/heads/main', good)
    const over = await app.sync()
    assert.match(over.message, /is over: the branch was set back to it/, told(over))

    await app.repository.setRef('refs/heads/main', bad)
    await app.sync({ said: pinTo(good, [bad], Date.now()) })
    assert.equal(await value(app), '1')
    const free = { active: false, by: 'bob', at: Date.now() + 1, revision: good, bad: [], settled: false }
    assert.equal((await app.sync({ said: { pin: free } })).revision, bad)
  })

  it('does not roll back to what the branch never had, and follows it on', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    const head = await app.repository.head()
    const other = await app.repository.commit({ 'a.json': configMap('a', { x: 'fork' }) }, { branch: 'fork' })
    await app.sync()
    const result = await app.sync({ said: pinTo(other, [head]) })
    assert.deepEqual([result.outcome, result.problem?.code, await value(app)], ['failed', 'revision-not-found', '1'], told(result))
    assert.equal((await app.sync({ said: pinTo(other, [head]) })).revision, head)
  })

  it('ends a sync that takes too long, and says what allows more', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    const stuck = { ...bench.destination, observe: (_kinds: unknown, _set: unknown, signal: AbortSignal) => untilAborted(signal) }
    const late = await app.sync({ destination: stuck, policy: { timeoutMs: 100 } })
    assert.deepEqual([late.outcome, late.problem?.code, late.problem?.retryable], ['failed', 'sync-timeout', true], told(late))
    assert.match(late.message, /was not done within 100ms$/)
    const inTime = await app.sync({ policy: { timeoutMs: 60_000 } })
    assert.equal(inTime.outcome, 'synced', told(inTime))
  })

  it('comes back to a Redis that was flushed with the next sweep', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    const { name } = app.application
    await app.sync({ said: { suspension: STOPPED } })
    await using queue = await setUp()
    const redis = queue.connections.producer
    const application = { ...app.application, destination: { ...app.application.destination, cluster: 'prod' } }
    const configuration: Configuration = { ...configurationOf([]), applications: new Map([[name, application]]) }
    const lookAround = createLookAround({
      cluster: 'prod',
      configuration: () => configuration,
      redis,
      intake: queue.intake,
      heads: createHeadHistory(redis, 'prod'),
      source: { ...NO_SOURCE },
      renderer: { inputs: () => Promise.reject(new Error('a sweep renders nothing')) },
      destinations: { use: (_cluster, work) => work(bench.destination), keepOnly: () => undefined, close: () => Promise.resolve() },
      installation: 'gitwake',
      inventoryNamespace: bench.inventoryNamespace,
      askForSweep: () => Promise.resolve(),
      log: silent,
    })
    const nothing: Standing = {}
    assert.deepEqual(await readStanding(redis, 'prod', name), nothing)
    await lookAround.sweep(AbortSignal.timeout(20_000))
    assert.deepEqual(await readStanding(redis, 'prod', name), { suspension: STOPPED })
  })
})

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('the request was cut off'))))
}

const NO_SOURCE = {
  fetch: () => Promise.reject(new Error('a sweep fetches nothing')),
  heads: () => Promise.reject(new Error('a sweep lists nothing')),
  refAt: () => Promise.resolve(undefined),
  open: () => Promise.resolve(undefined),
  commit: () => Promise.reject(new Error('a sweep fetches nothing')),
  between: () => Promise.resolve(undefined),
}
