import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clusterKeys } from '../../src/model/keys.ts'
import { readCanary } from '../../src/queue/canary.ts'
import { resultOf, setUp } from './setup.ts'
import { until } from './until.ts'

test('two workers share one poll, one sweep and one canary, and after FLUSHALL they come back within 15 s', async () => {
  await using setup = await setUp()
  const seen: string[] = []
  const callbacks = {
    run: async (job: Parameters<typeof resultOf>[0]) => resultOf(job),
    poll: async (repository: string) => void seen.push(`poll ${repository}`),
    sweep: async () => void seen.push('sweep'),
  }
  const { client } = setup.redis
  const monitors = await setup.redis.each((server) => server.monitor())
  let asked = 0
  for (const monitor of monitors) {
    monitor.on('monitor', (_time: string, command: readonly string[], source: string) => {
      if (source !== 'lua' && command.some((part) => part.includes(':schedule:'))) asked += 1
    })
  }
  setup.work(callbacks)
  setup.work(callbacks)
  const all = ['poll shop', 'sweep']
  const isQuiet = async () => (await (await setup.intake.jobs('prod').queue()).getJobCountByTypes('waiting', 'prioritized', 'active')) === 0
  const canary = async () => readCanary(client, 'prod')
  // Both workers have looked at all three schedules: nobody adds what the other has added.
  await until(async () => asked >= 6 && seen.length >= 2 && (await canary()) !== undefined && (await isQuiet()))
  assert.deepEqual(seen.toSorted(), all)
  seen.length = 0
  await setup.redis.each((server) => server.flushall())
  await until(async () => seen.length >= 2 && (await canary()) !== undefined, 15_000)
  assert.deepEqual(seen.toSorted(), all)
  for (const monitor of monitors) monitor.disconnect()
})

test('a poll that throws neither stops the worker nor the next poll', async () => {
  await using setup = await setUp()
  let polls = 0
  setup.work({
    run: async (job) => resultOf(job),
    poll: async () => {
      polls += 1
      throw new Error('git is away')
    },
  })
  await until(() => polls === 1)
  await setup.redis.client.del(clusterKeys('prod').schedule('poll/shop'))
  await until(() => polls === 2)
})

test('sweeps come ten times less often only while watches are live', async () => {
  await using setup = await setUp()
  const { client } = setup.redis
  const key = clusterKeys('prod').schedule('sweep')
  const leftMs = async (isWatching: boolean): Promise<number> => {
    await client.del(key)
    const worker = setup.work({ run: async (job) => resultOf(job), isWatching: () => isWatching })
    await until(async () => (await client.pttl(key)) > 0)
    await worker.close()
    return client.pttl(key)
  }
  assert.ok((await leftMs(false)) <= 66_000)
  assert.ok((await leftMs(true)) > 500_000)
})

test('whoever asks for a sweep gets one without waiting for the schedule', async () => {
  await using setup = await setUp()
  let sweeps = 0
  setup.work({ run: async (job) => resultOf(job), sweep: async () => void (sweeps += 1) })
  await until(() => sweeps === 1)
  await setup.intake.sweepNow('prod')
  await until(() => sweeps === 2)
})
