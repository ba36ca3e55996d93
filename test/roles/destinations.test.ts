import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterConnection } from '../../src/cluster/connect.ts'
import type { Cluster } from '../../src/model/configuration.ts'
import { createDestinations } from '../../src/roles/destinations.ts'
import { silent } from '../queue/setup.ts'

const prod: Cluster = { name: 'prod', connection: { kind: 'in-cluster' }, sweepIntervalMs: 60_000, auditIntervalMs: 0, watch: false }
const changed: Cluster = { ...prod, sweepIntervalMs: 30_000 }

function setUp() {
  const opened: string[] = []
  const closed: string[] = []
  let failing = false
  const connect = async ({ name, sweepIntervalMs }: Cluster): Promise<ClusterConnection> => {
    if (failing) throw new Error('no kubeconfig')
    const id = `${name} ${sweepIntervalMs}`
    opened.push(id)
    const unused = () => Promise.reject(new Error('nothing is sent'))
    return { name, request: unused, stream: unused, serverTime: () => 0, close: async () => void closed.push(id) }
  }
  const options = { inventoryNamespace: 'inventories', holder: 'test', version: 'test' }
  const resolveSecret = () => Promise.reject(new Error('no secrets here'))
  const destinations = createDestinations(connect, { resolveSecret, log: silent }, options)
  return { destinations, opened, closed, fail: (value: boolean) => void (failing = value) }
}

test('a cluster is connected once, and anew when its configuration changes: what is under way goes on with the old one', async () => {
  const { destinations, opened, closed } = setUp()
  const release = Promise.withResolvers<void>()
  const underWay = destinations.use(prod, () => release.promise)
  await destinations.use(prod, async () => undefined)
  await destinations.use(changed, async () => undefined)
  assert.deepEqual([opened, closed], [['prod 60000', 'prod 30000'], []])
  release.resolve()
  await underWay
  assert.deepEqual(closed, ['prod 60000'])
  await destinations.close()
  assert.deepEqual(closed, ['prod 60000', 'prod 30000'])
})

test('a cluster that is configured no more is disconnected once nobody works with it', async () => {
  const { destinations, closed } = setUp()
  const release = Promise.withResolvers<void>()
  const underWay = destinations.use(prod, () => release.promise)
  await destinations.use({ ...prod, name: 'dev' }, async () => undefined)
  destinations.keepOnly(new Map())
  assert.deepEqual(closed, [])
  release.resolve()
  await underWay
  assert.deepEqual(closed, ['dev 60000', 'prod 60000'])
})

test('credentials that cannot be read are read again by whoever comes next', async () => {
  const { destinations, fail, opened } = setUp()
  fail(true)
  await assert.rejects(
    destinations.use(prod, async () => undefined),
    /no kubeconfig/,
  )
  fail(false)
  await destinations.use(prod, async () => undefined)
  assert.deepEqual(opened, ['prod 60000'])
})
