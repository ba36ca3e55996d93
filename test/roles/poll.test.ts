import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clusterKeys } from '../../src/model/keys.ts'
import { createHeadHistory } from '../../src/queue/heads.ts'
import { createLookAround } from '../../src/roles/look-around.ts'
import { resultOf, setUp, silent, type Setup } from '../queue/setup.ts'
import { until } from '../queue/until.ts'

const MAIN = 'refs/heads/main'
const [OLD, HEAD] = ['a'.repeat(40), 'b'.repeat(40)]

/** Polls of a repository whose branch stands at HEAD. */
function polls(setup: Setup) {
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
      heads: async () => new Map([[MAIN, HEAD]]),
    },
    renderer: { inputs: nothing },
    destinations: { use: nothing, keepOnly: () => undefined, close: () => Promise.resolve() },
    installation: 'gitwake',
    inventoryNamespace: 'gitwake-system',
    askForSweep: () => Promise.resolve(),
    log: silent,
  })
  return { heads, poll: async () => lookAround.poll('shop', AbortSignal.timeout(10_000)) }
}

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
