import type { SyncResult } from '../../src/model/result.ts'
import { connectRedis } from '../../src/queue/connection.ts'
import { startWorker } from '../../src/queue/worker.ts'
import { configurationOf, failed, resultOf, silent } from '../queue/setup.ts'

// Started by clock.test.ts: a worker whose clock is wrong, and whose first try fails.
const [url = ''] = process.argv.slice(2)

let runs = 0
startWorker({
  cluster: 'prod',
  connections: connectRedis({ url, log: silent }),
  configuration: () => configurationOf(['api']),
  log: silent,
  backoff: { retryable: { firstMs: 1_000, mostMs: 1_000 }, refused: { firstMs: 1_000, mostMs: 1_000 } },
  ensureIntervalMs: 500,
  run: async (job): Promise<SyncResult> => resultOf(job, (runs += 1) === 1 ? failed(true) : {}),
  poll: async () => undefined,
  sweep: async () => undefined,
  plan: () => Promise.resolve(),
})
