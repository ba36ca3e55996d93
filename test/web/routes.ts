import type { TestContext } from 'node:test'
import { createApplication } from '../../src/web/application.ts'
import { createMetrics } from '../../src/web/metrics.ts'
import { createMemoryLedger } from './memory-ledger.ts'
import { NO_AUDIT, NO_LOGINS } from './logins.ts'
import { sampleConfiguration } from './samples.ts'
import { createWitness } from '../../src/web/witness.ts'

/** What express keeps of a route or of a router that is mounted somewhere. */
interface Layer {
  readonly route?: { readonly path: string; readonly methods: Readonly<Record<string, boolean>> }
  readonly handle: { readonly stack?: readonly Layer[] }
  readonly slash: boolean
}

/** Every route of the server as `get /api/applications/{name}`, read from express itself; without the queue UI. */
export function routesOfServer(test: TestContext): readonly string[] {
  const ledger = createMemoryLedger()
  const application = createApplication(
    {
      tokens: { isEmpty: () => true, principalOf: async () => undefined },
      configuration: () => sampleConfiguration(),
      ledger,
      intake: ledger,
      planner: { ask: async () => 0, find: async () => undefined },
      audit: { anchor: async () => undefined, entries: async () => [] },
      logins: NO_LOGINS,
      witness: createWitness({ audit: NO_AUDIT, now: Date.now }),
      readiness: async () => [],
      metrics: createMetrics({ statuses: ledger.statuses, now: Date.now }),
      queueUi: undefined,
      addressOf: () => '',
      failures: { blockedForMs: () => 0, failed: () => undefined },
      log: { debug() {}, info() {}, warn() {}, error() {}, child: () => test.mock.fn() as never },
      now: Date.now,
    },
    new AbortController().signal,
  )
  return routesOf(application.router.stack as unknown as readonly Layer[], '')
}

function routesOf(layers: readonly Layer[], prefix: string): readonly string[] {
  return layers.flatMap(({ route, handle, slash }) => {
    if (route) return Object.keys(route.methods).map((method) => `${method} ${prefix}${route.path.replaceAll(/:(\w+)/g, '{$1}')}`)
    return handle.stack === undefined ? [] : routesOf(handle.stack, slash ? prefix : `${prefix}/api`)
  })
}
