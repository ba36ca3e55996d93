import { QueueEvents } from 'bullmq'
import type { ClusterConnection } from '../src/cluster/connect.ts'
import { METADATA_LIST } from '../src/cluster/metadata.ts'
import { isJsonObject, parseJson } from '../src/model/json.ts'
import { clusterKeys } from '../src/model/keys.ts'
import { PART_OF_LABEL } from '../src/model/names.ts'
import { connectRedis } from '../src/queue/connection.ts'
import { openJobs, QUEUE_NAME } from '../src/queue/jobs.ts'
import { silent } from '../test/support/connect.ts'
import { CLUSTER } from './whole.ts'

/** Asks a running gitwake for sweeps, as its own schedule does. */
export interface Sweeps {
  /** Milliseconds from asking for a sweep until its job has ended: the way through the queue is part of it. */
  sweep(): Promise<number>
  /** Applications whose status says that they are applied. */
  applied(): Promise<number>
  close(): Promise<void>
}

export async function openSweeps(redisUrl: string): Promise<Sweeps> {
  const connections = connectRedis({ url: redisUrl, log: silent })
  await connections.ready(AbortSignal.timeout(10_000))
  const keys = clusterKeys(CLUSTER)
  const jobs = openJobs(connections.queues, CLUSTER)
  const events = new QueueEvents(QUEUE_NAME, { connection: connections.blocking(), prefix: keys.prefix })
  await events.waitUntilReady()

  async function ended(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      events.on('completed', ({ jobId }) => void (jobId.startsWith('sweep') && resolve()))
      events.on('failed', ({ jobId, failedReason }) => void (jobId.startsWith('sweep') && reject(new Error(failedReason))))
    }).finally(() => events.removeAllListeners())
  }

  return {
    async sweep() {
      const end = ended()
      const from = performance.now()
      await jobs.addSweep()
      await end
      return performance.now() - from
    },
    async applied() {
      return (await connections.producer.hkeys(keys.status)).filter((field) => field.endsWith('/applied')).length
    },
    async close() {
      await events.close()
      await jobs.close()
      await connections.close()
    },
  }
}

/** The raw limit of a sweep: a metadata LIST of the same objects in the same pages, whose answers are read and not understood. Resolves with the number of objects. */
export async function bareList(connection: ClusterConnection, path: string, labelSelector = PART_OF_LABEL): Promise<number> {
  let next: string | undefined
  let objects = 0
  do {
    const query = { labelSelector, limit: 2_500, continue: next }
    const answer = await connection.request({ method: 'GET', path, query, accept: METADATA_LIST, signal: AbortSignal.timeout(60_000) })
    const page = parseJson(answer.text)
    const metadata = isJsonObject(page) && isJsonObject(page.metadata) ? page.metadata : {}
    objects += isJsonObject(page) && Array.isArray(page.items) ? page.items.length : 0
    next = typeof metadata.continue === 'string' && metadata.continue !== '' ? metadata.continue : undefined
  } while (next !== undefined)
  return objects
}
