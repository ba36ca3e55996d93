import { createServer } from 'node:net'
import type { TestContext } from 'node:test'
import type { Grant } from '../../src/model/access.ts'
import type { AuditEvent } from '../../src/model/audit.ts'
import type { Configuration, Login, People } from '../../src/model/configuration.ts'
import { createDiscovered } from '../../src/login/discovered.ts'
import { createLogins } from '../../src/login/logins.ts'
import { createSessionStore } from '../../src/login/sessions.ts'
import { createOutgoingFetch } from '../../src/outgoing/fetch.ts'
import { connectRedis, type Connections } from '../../src/queue/connection.ts'
import { createWitness } from '../../src/web/witness.ts'
import { startTestRedis, type TestRedis } from '../queue/redis.ts'
import { silent } from '../queue/setup.ts'
import { type MemoryLedger } from '../web/memory-ledger.ts'
import { sampleConfiguration } from '../web/samples.ts'
import { startWeb } from '../web/start.ts'

export const CLIENT = { id: 'gitwake', secret: 'a-secret-between-gitwake-and-the-provider' }
export const EVERYTHING = { applications: ['*'], clusters: ['*'] }

export function peopleOf(name: string, fields: Partial<Omit<People, 'grant'>> & { readonly grant?: Partial<Grant> }): People {
  const { grant, ...rest } = fields
  return { name, everybody: false, groups: [], emails: [], subjects: [], ...rest, grant: { allow: 'read', ...EVERYTHING, ...grant } }
}

export function loginAt(issuer: string, publicOrigin: string, fields: Partial<Login> = {}): Login {
  return {
    name: 'acme',
    title: 'Acme SSO',
    issuer,
    clientId: CLIENT.id,
    clientSecretFrom: { env: 'ACME' },
    publicOrigin,
    scopes: ['openid', 'email', 'profile', 'groups'],
    groupsClaim: 'groups',
    allowInsecure: true,
    lifetimeMs: 12 * 3_600_000,
    idleMs: 2 * 3_600_000,
    people: [peopleOf('shop', { groups: ['shop'], emails: ['*@example.org'], grant: { allow: 'operate' } })],
    ...fields,
  }
}

export interface House {
  readonly url: string
  readonly redis: TestRedis
  readonly connections: Connections
  readonly ledger: MemoryLedger
  readonly logged: readonly string[]
  readonly audited: readonly AuditEvent[]
  /** Replaces what is configured. */
  configure(login: Login): void
  /** Moves the clock of everything but Redis. */
  pass(milliseconds: number): void
  /** Another `serve` on the same Redis. */
  replica(): Promise<string>
}

/** `serve` as it stands in front of people: the real server, a Redis of its own, and one Login. */
export async function startHouse(
  test: TestContext,
  setUp: (origin: string) => Promise<Login> | Login,
  options: Parameters<typeof startWeb>[1] = {},
): Promise<House> {
  const redis = await startTestRedis()
  const connections = connectRedis({ url: redis.url, log: silent })
  await connections.ready(AbortSignal.timeout(10_000))
  test.after(async () => {
    await connections.close()
    await redis.close()
  })
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  let configuration: Configuration = configured(await setUp(origin))
  let later = 0
  const now = (): number => Date.now() + later
  const audited: AuditEvent[] = []
  const audit = { record: async (event: AuditEvent) => void audited.push(event), note: (event: AuditEvent) => void audited.push(event) }
  const current = (): Configuration => configuration
  const start = async (onPort: number) => {
    const logins = createLogins({
      configuration: current,
      sessions: createSessionStore({ redis: connections.producer, now }),
      ready: createDiscovered({
        resolveSecret: async () => CLIENT.secret,
        fetchFor: ({ allowInsecure }) => createOutgoingFetch({ allowInsecure, maxBytes: 1024 * 1024, timeoutMs: 10_000 }),
        now,
      }),
      log: silent,
      now,
    })
    return startWeb(test, { configuration: current, logins, witness: createWitness({ audit, now }), now, ...options, port: onPort })
  }
  const web = await start(port)
  return {
    url: web.url,
    redis,
    connections,
    ledger: web.ledger,
    logged: web.logged,
    audited,
    configure: (login) => void (configuration = configured(login)),
    pass: (milliseconds) => void (later += milliseconds),
    replica: async () => (await start(0)).url,
  }
}

function configured(login: Login): Configuration {
  return { ...sampleConfiguration(['shop-prod', 'billing']), logins: new Map([[login.name, login]]) }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
