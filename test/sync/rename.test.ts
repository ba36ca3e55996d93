import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterConnection } from '../../src/cluster/connect.ts'
import { createDestination } from '../../src/cluster/destination.ts'
import { applySetId, PART_OF_LABEL } from '../../src/model/names.ts'
import type { SyncResult } from '../../src/model/result.ts'
import type { Destination } from '../../src/sync/ports.ts'
import { isDryRun } from '../support/audit-log.ts'
import { hook, jobsOf, told } from './ordered.ts'
import { configMap, openWorkbench, type Subject, type Workbench } from './workbench.ts'

let bench: Workbench
before(async () => {
  bench = await openWorkbench()
})
after(() => bench.close())

const FILES = { 'a.json': configMap('a', { x: '1' }), 'b.json': configMap('b', {}), 'c.json': configMap('c', {}) }

interface Live {
  readonly metadata: { readonly name: string; readonly uid: string; readonly labels?: Readonly<Record<string, string>> }
}

/** The ConfigMaps of its namespace by name, with uid and owner. */
async function live(app: Subject): Promise<Record<string, { uid: string; owner: string | undefined }>> {
  const { items } = await bench.api('GET', `/api/v1/namespaces/${app.namespace}/configmaps`)
  return Object.fromEntries(
    (items as unknown as Live[])
      .filter(({ metadata }) => metadata.name !== 'kube-root-ca.crt')
      .map(({ metadata: { name, uid, labels } }) => [name, { uid, owner: labels?.[PART_OF_LABEL] }]),
  )
}

function newName(app: Subject): string {
  return `${app.application.name}-new`
}

/** The application as it is configured under its new name, and nobody under the old one. */
async function syncRenamed(app: Subject, more: Parameters<Subject['sync']>[0] = {}): Promise<SyncResult> {
  const application = { ...more.application, name: newName(app), renamedFrom: app.application.name }
  return await app.sync({ reason: 'push', ...more, application })
}

const setOf = (name: string): string => applySetId(name, bench.inventoryNamespace)
const inventoryOf = (name: string) => bench.destination.readInventory(name, AbortSignal.timeout(30_000))

async function deletesIn(app: Subject, position: number): Promise<string[]> {
  const events = await bench.audit.read({}, position)
  return events
    .filter((event) => event.verb === 'delete' && !isDryRun(event) && event.requestURI.includes(`/namespaces/${app.namespace}/`))
    .map(({ requestURI }) => requestURI)
}

test('a renamed application has the objects, the inventory and the hooks of its old name after one sync, and nothing is deleted', async () => {
  const app = await bench.subject({ ...FILES, 'migrate.json': hook('migrate', { 'gitwake.dev/hook': 'pre-sync' }) })
  assert.equal((await app.sync({ reason: 'push' })).outcome, 'synced')
  // What an operator made with copied labels is not the application's.
  const child = { metadata: { name: 'child', labels: { [PART_OF_LABEL]: setOf(app.application.name) } } }
  await bench.api('POST', `/api/v1/namespaces/${app.namespace}/configmaps`, child)
  const before = await live(app)
  const position = await bench.audit.position()

  const result = await syncRenamed(app)
  assert.equal(result.outcome, 'synced', told(result))
  assert.equal(result.application, newName(app))
  assert.deepEqual(result.counts, { configured: 3 }, told(result))
  assert.ok(
    result.changes.every(({ reason }) => reason === `taken over from ${app.application.name}`),
    told(result),
  )
  const now = await live(app)
  const owner = setOf(newName(app))
  const expected = ['a', 'b', 'c'].map((name) => [name, { uid: before[name]?.uid, owner }])
  assert.deepEqual(now, Object.fromEntries([...expected, ['child', before['child']]]))
  assert.deepEqual(await deletesIn(app, position), [])
  assert.deepEqual(await jobsOf(bench, app), ['migrate'])
  assert.equal(await inventoryOf(app.application.name), undefined)
  const taken = await inventoryOf(newName(app))
  assert.deepEqual([taken?.inventory.entries.size, taken?.inventory.hooks?.size], [3, 1])
  assert.equal((await syncRenamed(app)).outcome, 'not affected')

  await app.repository.commit({ 'migrate.json': null, 'c.json': null })
  const next = await syncRenamed(app)
  assert.deepEqual(next.counts, { unchanged: 2, pruned: 1 }, told(next))
  assert.deepEqual(await jobsOf(bench, app), [], 'its hook is looked after, too')
})

test('what Git drops together with the name is kept by the sync that takes over, and pruned by the next', async () => {
  const app = await bench.subject(FILES)
  await app.sync()
  await app.repository.commit({ 'c.json': null, 'd.json': configMap('d', {}) })
  const planned = await syncRenamed(app)
  assert.deepEqual(planned.counts, { configured: 2, created: 1, skipped: 1 }, told(planned))
  assert.match(
    planned.changes.find(({ object }) => object.name === 'c')?.reason ?? '',
    /kept this time, because it is taken over from app-/,
  )
  assert.equal((await live(app))['c']?.owner, setOf(newName(app)))
  const next = await syncRenamed(app)
  assert.deepEqual(next.counts, { unchanged: 3, pruned: 1 }, told(next))
})

test('nothing is taken over by a sync that is refused or withheld, and what was said of the old name holds for the new', async () => {
  const app = await bench.subject(FILES)
  await app.sync({ said: { suspension: { active: true, by: 'ada', at: 1 } } })
  await app.sync({ said: { suspension: { active: false, by: 'ada', at: 2 } } })
  await app.sync({ said: { suspension: { active: true, by: 'ada', reason: 'the move', at: 3 } } })
  const before = await live(app)
  const suspended = await syncRenamed(app)
  assert.deepEqual([suspended.outcome, suspended.counts.configured], ['suspended', 3], told(suspended))
  assert.deepEqual(await live(app), before)
  const said = { suspension: { active: false, by: 'ada', at: 4 } }
  await app.repository.commit({ 'a.json': configMap('a', {}).replace('"data"', '"datum"') })
  const refused = await syncRenamed(app, { said })
  assert.equal(refused.problem?.code, 'refused', told(refused))
  assert.deepEqual(await live(app), before)
  await app.repository.commit({ 'a.json': configMap('a', {}) })
  assert.equal((await syncRenamed(app, { said })).outcome, 'synced')
})

/** Carries requests until the k-th write, whose answer is lost with the process that waits for it. */
function killedAt(k: number): { readonly destination: Destination; readonly writes: () => number } {
  let writes = 0
  let dead = false
  const connection: ClusterConnection = {
    ...bench.connection,
    async request(request) {
      if (dead) throw new Error('killed')
      const answer = await bench.connection.request(request)
      const isDry = JSON.stringify(request.query ?? {}).includes('dryRun')
      if (request.method !== 'GET' && !isDry && ++writes === k) dead = true
      if (dead) throw new Error('killed')
      return answer
    },
  }
  const options = { inventoryNamespace: bench.inventoryNamespace, holder: randomUUID(), version: `killed-${k}` }
  return { destination: createDestination(connection, options), writes: () => writes }
}

test('a renaming that is killed behind any of its writes is brought to its end by the next sync: no orphan, and nothing deleted', async () => {
  const whole = await bench.subject(FILES)
  await whole.sync()
  const counted = killedAt(Infinity)
  assert.equal((await syncRenamed(whole, { destination: counted.destination })).outcome, 'synced')
  const total = counted.writes()
  assert.ok(total >= 12, `only ${total} writes: two leases, two inventories, three objects twice, the end of the old inventory`)
  const position = await bench.audit.position()
  const apps = await Promise.all(Array.from({ length: total }, () => bench.subject(FILES)))
  await Promise.all(
    apps.map(async (app, index) => {
      await app.sync()
      const before = await live(app)
      const killed = killedAt(index + 1)
      await syncRenamed(app, { destination: killed.destination })
      const owners = new Set([setOf(app.application.name), setOf(newName(app))])
      assert.ok(Object.values(await live(app)).every(({ owner }) => owners.has(owner ?? '')))
      let result = await syncRenamed(app)
      // The right to write of who was killed ends by itself, within seconds.
      for (const end = performance.now() + 30_000; result.problem?.retryable === true && performance.now() < end; await sleep(500))
        result = await syncRenamed(app)
      assert.match(result.outcome, /^(?:synced|not affected)$/, `write ${index + 1} of ${total}: ${told(result)}`)
      const owner = setOf(newName(app))
      const expected = Object.entries(before).map(([name, { uid }]) => [name, { uid, owner }])
      assert.deepEqual(await live(app), Object.fromEntries(expected), `write ${index + 1} of ${total}`)
      assert.equal(await inventoryOf(app.application.name), undefined)
      const { inventory } = (await inventoryOf(newName(app))) ?? {}
      assert.ok([...(inventory?.entries.values() ?? [])].every(({ status }) => status === 'owned'))
      assert.equal(inventory?.entries.size, 3)
      assert.deepEqual(await deletesIn(app, position), [])
    }),
  )
})
