import type { TestContext } from 'node:test'
import type { Log } from '../../src/model/log.ts'
import { createFailureLimit } from '../../src/web/failure-limit.ts'
import { createMetrics } from '../../src/web/metrics.ts'
import { createTokenBook, type TokenBook } from '../../src/web/tokens.ts'
import { type WebServerOptions, createWebServer } from '../../src/web/server.ts'
import { type MemoryLedger, createMemoryLedger } from './memory-ledger.ts'
import { NO_AUDIT, NO_LOGINS } from './logins.ts'
import { sampleConfiguration, sampleStatus } from './samples.ts'
import { createWitness } from '../../src/web/witness.ts'

export const TOKEN = 'a-token-for-tests'
export const BEARER = { Authorization: `Bearer ${TOKEN}` }
export const BASIC = { Authorization: `Basic ${Buffer.from(`somebody:${TOKEN}`).toString('base64')}` }

export interface Started {
  readonly url: string
  readonly ledger: MemoryLedger
  readonly logged: readonly string[]
  close(): Promise<void>
}

/** The real server on a free port of this machine, over a ledger in memory; closed when the test ends. */
export async function startWeb(
  test: TestContext,
  options: Partial<Omit<WebServerOptions, 'tokens'>> & { readonly tokens?: readonly string[] | TokenBook } = {},
): Promise<Started> {
  const ledger = createMemoryLedger([sampleStatus()])
  const logged: string[] = []
  const configuration = options.configuration ?? (() => sampleConfiguration())
  const write = (fields: object, message: string): void => void logged.push(`${message} ${JSON.stringify(fields)}`)
  const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log }
  const { tokens = [TOKEN], ...parts } = options
  const server = createWebServer({
    host: '127.0.0.1',
    port: 0,
    tokens:
      'principalOf' in tokens
        ? tokens
        : createTokenBook({ shared: tokens, configuration, resolveSecret: async () => '', log, now: parts.now ?? Date.now }),
    configuration,
    ledger,
    intake: ledger,
    audit: { anchor: async () => undefined, entries: async () => [] },
    logins: NO_LOGINS,
    witness: createWitness({ audit: NO_AUDIT, now: Date.now }),
    planner: { ask: async () => 0, find: async () => undefined },
    readiness: async () => [{ name: 'redis', ok: true, message: 'Redis answers.' }],
    metrics: createMetrics({ statuses: ledger.statuses, now: Date.now }),
    queueUi: undefined,
    addressOf: ({ socket }) => socket.remoteAddress ?? '',
    failures: createFailureLimit({ burst: 30, refillMs: 2_000, addresses: 10_000, now: parts.now ?? Date.now }),
    receiver: (_request, response) => response.writeHead(202).end('{}'),
    log,
    now: Date.now,
    ...parts,
  })
  const { url } = await server.listen()
  test.after(() => server.close())
  return { url, ledger, logged, close: server.close }
}
