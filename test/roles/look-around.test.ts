import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clusterKeys } from '../../src/model/keys.ts'
import { createHeadHistory } from '../../src/queue/heads.ts'
import { createLookAround } from '../../src/roles/look-around.ts'
import type { Intake } from '../../src/model/intake.ts'
import { setUp, silent } from '../queue/setup.ts'

const HEAD = 'a'.repeat(40)

type Setup = Awaited<ReturnType<typeof setUp>>

function lookAroundIn(
  setup: Setup,
  { acceptTriggers }: Pick<Intake, 'acceptTriggers'> = setup.intake,
  configuration = setup.configuration,
  askForSweep: () => Promise<void> = async () => undefined,
) {
  const redis = setup.connections.producer
  const unused = () => Promise.reject(new Error('not here'))
  return createLookAround({
    cluster: 'prod',
    configuration: () => configuration,
    redis,
    intake: { ...setup.intake, acceptTriggers },
    heads: createHeadHistory(redis, 'prod'),
    source: {
      heads: async () => new Map([['refs/heads/main', HEAD]]),
      fetch: unused,
      refAt: unused,
      open: unused,
      commit: unused,
      between: unused,
    },
    renderer: { inputs: unused },
    destinations: { use: unused, keepOnly: () => undefined, close: async () => undefined },
    installation: 'gitwake',
    inventoryNamespace: 'inventories',
    askForSweep,
    log: silent,
  })
}

const want = async (setup: Setup): Promise<number> => Number(await setup.redis.client.hget(clusterKeys('prod').application('api'), 'want'))

test('a changed configuration whose sync could not be asked for is noticed again', async () => {
  await using setup = await setUp()
  const refusing = lookAroundIn(setup, { acceptTriggers: () => Promise.reject(new Error('Redis is away')) })
  await assert.rejects(refusing.noticeConfiguration())
  assert.equal(await want(setup), 0)
  const { noticeConfiguration } = lookAroundIn(setup)
  await noticeConfiguration()
  const first = await want(setup)
  assert.ok(first > 0)
  await noticeConfiguration()
  assert.equal(await want(setup), first)
})

test('an application that was removed and is configured again is synced, although it is the same as before', async () => {
  await using setup = await setUp()
  await lookAroundIn(setup).noticeConfiguration()
  const before = await want(setup)
  let sweeps = 0
  const without = lookAroundIn(setup, setup.intake, { ...setup.configuration, applications: new Map() }, async () => void (sweeps += 1))
  await without.noticeConfiguration()
  assert.equal(await want(setup), before)
  await without.noticeConfiguration()
  assert.equal(sweeps, 1, 'what has left is looked for at once')
  await lookAroundIn(setup).noticeConfiguration()
  assert.equal(await want(setup), before + 1)
})
