import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clusterKeys, receiverKeys } from '../../src/model/keys.ts'
import { ofCluster } from '../queue/redis.ts'
import { delivery, resultOf, setUp, targetOf, trigger, type Setup } from '../queue/setup.ts'
import { until } from '../queue/until.ts'
import { openBooks } from '../record/books.ts'
import { startRedisCluster, type RedisCluster } from '../support/redis-cluster.ts'

const refused = { code: 'redis-unavailable', retryable: true }

/** Names of clusters whose keys are on another node than the receiver's, and on different ones. */
async function namesApart(cluster: RedisCluster): Promise<readonly [string, string]> {
  const receiver = await cluster.ownerOf(receiverKeys.cursors)
  const found = new Map<number, string>()
  for (let index = 0; found.size < 2; index += 1) {
    const { port } = await cluster.ownerOf(clusterKeys(`c${index}`).status)
    if (port !== receiver.port) found.set(port, `c${index}`)
  }
  const [one = '', other = ''] = found.values()
  return [one, other]
}

async function doneIn(setup: Setup, cluster: string, application: string): Promise<number> {
  return Number(await setup.redis.client.hget(clusterKeys(cluster).application(application), 'done'))
}

test('while one node of a Redis Cluster is away, only what its slots hold waits, and it goes on when the node is back', async () => {
  const cluster = await startRedisCluster()
  const [lost, kept] = await namesApart(cluster)
  await using setup = await setUp(['api'], [lost, kept], async () => ofCluster(cluster))
  await using books = openBooks(setup)
  for (const name of [lost, kept])
    setup.work({ cluster: name, ensureIntervalMs: 500, run: async (job) => resultOf(job, { cluster: name }) })
  const [waiting, going] = [targetOf(`api-${lost}`, lost), targetOf(`api-${kept}`, kept)]
  const before = await setup.intake.acceptDelivery(delivery('before'), [waiting, going], trigger())
  for (const ticket of before.tickets) {
    assert.equal((await books.ledger.waitFor(ticket, AbortSignal.timeout(30_000)))?.outcome, 'synced')
  }

  const node = await cluster.ownerOf(clusterKeys(lost).status)
  await node.kill()
  await assert.rejects(setup.intake.acceptDelivery(delivery('lost'), [waiting], trigger()), refused)
  await assert.rejects(setup.intake.acceptTrigger(waiting, trigger('manual')), refused)
  await setup.connections.ping()
  const { tickets } = await setup.intake.acceptDelivery(delivery('kept'), [going], trigger())
  for (const ticket of tickets) {
    assert.equal((await books.ledger.waitFor(ticket, AbortSignal.timeout(30_000)))?.outcome, 'synced')
  }
  assert.equal((await books.ledger.status(going.application))?.sync, 'synced')
  await assert.rejects(books.ledger.status(waiting.application), refused)

  await node.restart()
  const accept = () => setup.intake.acceptDelivery(delivery('lost'), [waiting], trigger()).catch(() => undefined)
  let after: Awaited<ReturnType<typeof accept>>
  await until(async () => (after = await accept()) !== undefined)
  assert.ok((after?.tickets[0]?.wanted ?? 0) > (before.tickets[0]?.wanted ?? Infinity), 'no ticket is given twice')
  await until(async () => (await doneIn(setup, lost, waiting.application)) >= (after?.tickets[0]?.wanted ?? Infinity))
  assert.equal((await books.ledger.delivery('lost'))?.outcomes[0]?.state, 'synced')
})

for (const [what, strike] of [
  ['killed', (node) => node.kill()],
  ['frozen for good', async (node) => node.pause()],
] as const satisfies readonly (readonly [string, (node: RedisCluster['nodes'][number]) => Promise<void>])[]) {
  test(`a master of a Redis Cluster that is ${what} has its replica take over: intake, worker and ledger go on, and a sweep makes up for the time between`, async () => {
    const cluster = await startRedisCluster({ replicas: true })
    await using setup = await setUp(['api'], ['prod'], async () => ofCluster(cluster))
    await using books = openBooks(setup)
    const seen: number[] = []
    let sweeps = 0
    setup.work({
      ensureIntervalMs: 500,
      run: async (job) => (seen.push(job.seen), resultOf(job)),
      sweep: async () => void (sweeps += 1),
    })
    const before = await setup.intake.acceptDelivery(delivery('before'), [targetOf('api')], trigger())
    await until(async () => (await doneIn(setup, 'prod', 'api')) === before.tickets[0]?.wanted && sweeps > 0)
    const sweepsBefore = sweeps

    await strike(await cluster.ownerOf(clusterKeys('prod').status))
    await assert.rejects(setup.intake.acceptDelivery(delivery('during'), [targetOf('api')], trigger()), refused)
    const accept = () => setup.intake.acceptDelivery(delivery('during'), [targetOf('api')], trigger()).catch(() => undefined)
    let after: Awaited<ReturnType<typeof accept>>
    await until(async () => (after = await accept()) !== undefined)
    const [ticket] = after?.tickets ?? []
    assert.ok(ticket)
    assert.equal((await books.ledger.waitFor(ticket, AbortSignal.timeout(60_000)))?.outcome, 'synced')
    assert.ok((seen.at(-1) ?? 0) > (before.tickets[0]?.wanted ?? Infinity), 'no ticket is given twice')
    await until(() => sweeps > sweepsBefore)
  })
}

test('a slot may move to another node while pushes come: what was accepted is synced, and no ticket is given twice', async () => {
  const cluster = await startRedisCluster()
  const names = Array.from({ length: 8 }, (_, index) => `app-${index}`)
  await using setup = await setUp(names, ['prod'], async () => ofCluster(cluster))
  await using books = openBooks(setup)
  setup.work({ ensureIntervalMs: 500, run: async (job) => resultOf(job) })
  const given: string[] = []
  let round = 0
  const push = async (): Promise<void> => {
    round += 1
    const targets = names.map((name) => targetOf(name))
    const accepted = await setup.intake.acceptDelivery(delivery(`d${round}`), targets, trigger()).catch(() => undefined)
    for (const { application, wanted } of accepted?.tickets ?? []) given.push(`${application} ${wanted}`)
  }
  await push()
  for (let move = 1; move <= 3; move += 1) {
    for (const key of [clusterKeys('prod').status, receiverKeys.cursors]) {
      const source = await cluster.ownerOf(key)
      const pushes: Promise<void>[] = []
      await cluster.reshard(key, async () => void pushes.push(push()))
      await Promise.all(pushes)
      assert.notEqual((await cluster.ownerOf(key)).port, source.port)
      await push()
    }
  }
  let last: Awaited<ReturnType<typeof setup.intake.acceptDelivery>> | undefined
  await until(
    async () =>
      (last = await setup.intake
        .acceptDelivery(
          delivery('last'),
          names.map((name) => targetOf(name)),
          trigger(),
        )
        .catch(() => undefined)) !== undefined,
  )
  for (const ticket of last?.tickets ?? []) {
    assert.equal((await books.ledger.waitFor(ticket, AbortSignal.timeout(60_000)))?.outcome, 'synced')
  }
  assert.equal(last?.tickets.length, names.length)
  assert.equal(new Set(given).size, given.length, 'no ticket is given twice')
})
