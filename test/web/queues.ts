import type { TestContext } from 'node:test'
import { Queue } from 'bullmq'
import type { ShownQueue } from '../../src/web/queue-ui.ts'
import { startTestRedis } from '../queue/redis.ts'

/** One real queue per cluster on a Redis of the test's own, with a job waiting in the first. */
export async function startQueues(test: TestContext, clusters: readonly string[]): Promise<readonly ShownQueue[]> {
  const redis = await startTestRedis()
  const { hostname: host, port } = new URL(redis.url)
  const shown = clusters.map((cluster) => ({
    cluster,
    queue: new Queue('sync', { prefix: `{gitwake:${cluster}}`, connection: { host, port: Number(port) } }),
  }))
  for (const { queue } of shown) queue.on('error', () => undefined)
  await shown[0]?.queue.add('sync', { application: 'shop-prod' }, { jobId: 'shop-prod-1', priority: 100_000 })
  test.after(async () => {
    await Promise.all(shown.map(({ queue }) => queue.close()))
    await redis.close()
  })
  return shown
}
