import { readSync, writeSync } from 'node:fs'
import { connectRedis } from '../../src/queue/connection.ts'
import { startWorker } from '../../src/queue/worker.ts'
import { configurationOf, resultOf, silent } from './setup.ts'

// Started by crash.test.ts: does one sync, says when it is recorded, stands still until it is told to go on, and stops.
const [url = ''] = process.argv.slice(2)
const connections = connectRedis({ url, log: silent })
const recorded = Promise.withResolvers<void>()
const worker = startWorker({
  cluster: 'prod',
  connections,
  configuration: () => configurationOf(['api']),
  log: silent,
  run: async (job) => resultOf(job),
  onResult: () => {
    writeSync(1, 'recorded\n')
    readSync(0, Buffer.alloc(1))
    recorded.resolve()
  },
  poll: async () => undefined,
  sweep: async () => undefined,
  plan: () => Promise.resolve(),
})
await recorded.promise
await worker.close()
await connections.close()
