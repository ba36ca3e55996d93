import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GitwakeError } from '../../src/model/error.ts'
import { clusterKeys } from '../../src/model/keys.ts'
import { createHeadHistory } from '../../src/queue/heads.ts'
import { createLookAround } from '../../src/roles/look-around.ts'
import { openBooks } from '../record/books.ts'
import { resultOf, setUp, silent, type Setup } from '../queue/setup.ts'
import { until } from '../queue/until.ts'

const MAIN = 'refs/heads/main'
const [OLD, HEAD] = ['a'.repeat(40), 'b'.repeat(40)]

/** Polls of a repository whose branch stands at HEAD. */
function polls(setup: Setup, find = async (): Promise<ReadonlyMap<string, string>> => new Map([[MAIN, HEAD]])) {
  const { producer } = setup.connections
  const nothing = (): Promise<never> => Promise.reject(new Error('a poll reads nothing but heads'))
  const heads = createHeadHistory(producer, 'prod')
  const lookAround = createLookAround({
    cluster: 'prod',
    configuration: () => setup.configuration,
    redis: producer,
    intake: setup.intake,
    heads,
    source: {
      fetch: nothing,
      refAt: nothing,
      open: nothing,
      commit: nothing,
      between: nothing,
      heads: find,
    },
    renderer: { inputs: nothing },
    destinations: { use: nothing, keepOnly: () => undefined, close: () => Promise.resolve() },
    installation: 'gitwake',
    inventoryNamespace: 'gitwake-system',
    askForSweep: () => Promise.resolve(),
    log: silent,
  })
  return { heads, lookAround, poll: async () => lookAround.poll('shop', AbortSignal.timeout(10_000)) }
}

const moved = () =>
  Promise.reject(
    new GitwakeError('redirect', 'repository shop: the host answers with a redirect', { fix: 'Set spec.url', retryable: true }),
  )

async function wishes({ connections: { producer } }: Setup, ...names: readonly string[]): Promise<readonly boolean[]> {
  return Promise.all(names.map(async (name) => (await producer.hexists(clusterKeys('prod').application(name), 'want')) === 1))
}

test('a poll asks for all that follow a head before any of them starts', async () => {
  const names = Array.from({ length: 80 }, (_, index) => `app-${index}`)
  await using setup = await setUp(names)
  const { producer } = setup.connections
  let askedAtFirst: number | undefined
  setup.work({
    run: async (job) => {
      askedAtFirst ??= (await wishes(setup, ...names)).filter(Boolean).length
      return resultOf(job)
    },
  })
  await until(async () => producer.status === 'ready')
  await polls(setup).poll()
  await until(() => askedAtFirst !== undefined)
  assert.equal(askedAtFirst, names.length)
})

test('a head that one application met by itself (a heal, a retry, a sync by hand) is news to the others of its branch', async () => {
  await using setup = await setUp(['healed', 'other'])
  const { heads, poll } = polls(setup)
  for (const application of ['healed', 'other']) await heads.admit('shop', MAIN, OLD, { application, named: false })
  await heads.admit('shop', MAIN, HEAD, { application: 'healed', named: false })
  await poll()
  assert.deepEqual(await wishes(setup, 'healed', 'other'), [false, true])
})

test('a head is told once, also to who cannot fetch it yet', async () => {
  await using setup = await setUp(['waiting'])
  const { poll } = polls(setup)
  const want = async () => setup.connections.producer.hget(clusterKeys('prod').application('waiting'), 'want')
  await poll()
  const asked = await want()
  await poll()
  assert.equal(await want(), asked)
})

test('a repository that polls cannot reach is seen in the status of all that follow it, since the first time, until one reaches it', async () => {
  await using setup = await setUp(['api', 'web'])
  await using books = openBooks(setup)
  let isGone = true
  const { poll } = polls(setup, async () => (isGone ? moved() : new Map()))
  const told = async () => (await books.ledger.statuses()).map(({ pollFails }) => pollFails)
  await assert.rejects(poll())
  const [first] = await told()
  await until(() => Date.now() > (first?.since ?? 0) + 1)
  await assert.rejects(poll())
  assert.deepEqual(await told(), [first, first])
  assert.deepEqual([first?.problem.message, first?.problem.fix], ['repository shop: the host answers with a redirect', 'Set spec.url'])
  isGone = false
  await poll()
  assert.deepEqual(await told(), [undefined, undefined])
})

test('a sync that has reached the repository ends what was said of its polls', async () => {
  await using setup = await setUp(['api'])
  await using books = openBooks(setup)
  const pollFails = async () => (await books.ledger.status('api'))?.pollFails
  await assert.rejects(polls(setup, moved).poll())
  assert.notEqual(await pollFails(), undefined)
  await setup.intake.acceptTrigger({ application: 'api', cluster: 'prod', repository: 'shop' }, { reason: 'manual', at: Date.now() })
  setup.work({ run: async (job) => resultOf(job) })
  await until(async () => (await pollFails()) === undefined)
})

test('a poll that ends with its worker says nothing of the repository', async () => {
  await using setup = await setUp(['api'])
  await using books = openBooks(setup)
  const stop = new AbortController()
  const { lookAround } = polls(setup, async () => {
    stop.abort()
    return moved()
  })
  await assert.rejects(lookAround.poll('shop', stop.signal))
  assert.equal((await books.ledger.status('api'))?.pollFails, undefined)
})
