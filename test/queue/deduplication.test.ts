import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Queue, Worker } from 'bullmq'
import { connectRedis } from '../../src/queue/connection.ts'
import { silent } from './setup.ts'
import { startTestRedis } from './redis.ts'
import { until } from './until.ts'

/** One slot of a Redis Cluster, where the test runs on one. */
const PREFIX = '{plain}'

test("with BullMQ's deduplication and attempts alone, the fix of a failing commit waits behind the retry: why there is a wanted/done record", async () => {
  const redis = await startTestRedis()
  const connections = connectRedis({ url: redis.url, log: silent })
  await connections.ready(AbortSignal.timeout(20_000))
  const queue = new Queue('plain', { connection: connections.producer, prefix: PREFIX })
  const release = Promise.withResolvers<void>()
  const runs: string[] = []
  const worker = new Worker<{ commit: string }>(
    'plain',
    async (job) => {
      runs.push(job.data.commit)
      await release.promise
      if (job.data.commit === 'broken') throw new Error('it failed')
    },
    { connection: connections.worker, prefix: PREFIX },
  )
  try {
    const options = {
      attempts: 10,
      backoff: { type: 'fixed', delay: 3_600_000 },
      deduplication: { id: 'api', keepLastIfActive: true },
    }
    await queue.add('sync', { commit: 'broken' }, options)
    await until(() => runs.length === 1)
    await queue.add('sync', { commit: 'fix' }, options)
    release.resolve()
    await until(async () => (await queue.getDelayedCount()) === 1)
    assert.deepEqual(await queue.getJobCounts('waiting', 'prioritized', 'active'), { waiting: 0, prioritized: 0, active: 0 })
    assert.deepEqual(runs, ['broken'])
  } finally {
    await worker.close()
    await queue.close()
    await connections.close()
    await redis.close()
  }
})
