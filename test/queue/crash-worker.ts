import { connectRedis } from '../../src/queue/connection.ts'
import { startWorker } from '../../src/queue/worker.ts'
import { configurationOf, silent } from './setup.ts'

// Started by crash.test.ts: takes a job, says so, and never ends it.
const [url = ''] = process.argv.slice(2)
startWorker({
  cluster: 'prod',
  connections: connectRedis({ url, log: silent }),
  configuration: () => configurationOf(['api']),
  log: silent,
  run: async () => {
    process.stdout.write('running\n')
    return new Promise(() => undefined)
  },
  poll: async () => undefined,
  sweep: async () => undefined,
  plan: () => Promise.resolve(),
})
