import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createDestination } from '../../src/cluster/destination.ts'
import { sweep } from '../../src/sync/sweep.ts'
import { until } from '../queue/until.ts'
import { isWriting, startApiProxy } from '../support/api-proxy.ts'
import { connectTo } from '../support/connect.ts'
import { openControlPlane } from '../support/shared-control-plane.ts'
import { depart } from './departing.ts'
import { configMap, openWorkbench, type Subject, type Workbench } from './workbench.ts'

let bench: Workbench
before(async () => {
  bench = await openWorkbench()
})
after(() => bench.close())

const HOLDER = 'interrupted'

/** A sync that is interrupted while the API server has not carried out yet what it was asked for: to create `late`. */
async function interrupted(app: Subject, context: AsyncDisposableStack): Promise<{ readonly arrive: () => Promise<void> }> {
  const plane = await openControlPlane()
  context.defer(() => plane.close())
  const held = Promise.withResolvers<undefined>()
  const asked = Promise.withResolvers<undefined>()
  const proxy = await startApiProxy(plane, {
    hold(passing) {
      if (!isWriting(passing) || !passing.url.includes('/configmaps/late')) return undefined
      asked.resolve(undefined)
      return held.promise
    },
  })
  context.defer(() => proxy.close())
  const connection = await connectTo(proxy.kubeconfig, HOLDER)
  context.defer(() => connection.close())
  const destination = createDestination(connection, { inventoryNamespace: bench.inventoryNamespace, holder: HOLDER, version: HOLDER })
  const stop = new AbortController()
  const running = app.sync({ destination, signal: stop.signal })
  await asked.promise
  stop.abort()
  assert.equal((await running).outcome, 'superseded')
  return {
    async arrive() {
      held.resolve(undefined)
      await until(() => isThere(app))
    },
  }
}

async function isThere(app: Subject): Promise<boolean> {
  const path = `/api/v1/namespaces/${app.namespace}/configmaps/late`
  return (await bench.api('GET', path, undefined, { mayFail: true })).kind === 'ConfigMap'
}

test('what an interrupted sync was creating, and arrives when Git has dropped it and another sync has looked, is found and pruned', async () => {
  await using stack = new AsyncDisposableStack()
  const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
  assert.equal((await app.sync()).outcome, 'synced')
  await app.repository.commit({ 'late.json': configMap('late', { x: '1' }) })
  const { arrive } = await interrupted(app, stack)

  await app.repository.commit({ 'late.json': null, 'a.json': configMap('a', { x: '2' }) })
  const next = await app.sync({ reason: 'push' })
  assert.equal(next.outcome, 'synced', next.message)
  assert.match(next.changes.find(({ object }) => object.name === 'late')?.reason ?? '', /interrupted/)
  await arrive()

  const audit = { from: 0, to: 0, intervalMs: 0 }
  const { inventoryNamespace } = bench
  const report = await sweep(bench.destination, { inventoryNamespace, installation: 'gitwake' }, audit, AbortSignal.timeout(20_000))
  const found = report.applications.find(({ inventory }) => inventory.application === app.application.name)
  assert.deepEqual(
    found?.deviations.map(({ object, reason }) => [object.name, reason]),
    [['late', 'suspect']],
  )
  const healed = await app.sync({ reason: 'drift' })
  assert.equal(healed.counts.pruned, 1, healed.message)
  assert.equal(await isThere(app), false)
})

test('a deletion waits for what an interrupted sync may still have on its way', async () => {
  await using stack = new AsyncDisposableStack()
  const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }), 'late.json': configMap('late', { x: '1' }) })
  const { arrive } = await interrupted(app, stack)
  const early = await depart(bench, app, 'delete')
  assert.deepEqual([early.outcome, early.problem?.code, early.problem?.retryable], ['failed', 'still-terminating', true], early.message)
  await arrive()
  const gone = await depart(bench, app, 'delete')
  assert.equal(gone.outcome, 'synced', gone.message)
  assert.equal(await isThere(app), false)
})
