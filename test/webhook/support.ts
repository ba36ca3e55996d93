import { createHmac } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { Application, Configuration, Repository } from '../../src/model/configuration.ts'
import type { Accepted, Intake, Target } from '../../src/model/intake.ts'
import type { Trigger } from '../../src/model/job.ts'
import type { Delivery } from '../../src/model/push.ts'
import { createMatch } from '../../src/webhook/match.ts'
import type { ReceiverOptions } from '../../src/webhook/receiver.ts'
import { createReceiver } from '../../src/webhook/receiver.ts'

export const githubSecret = 'a-secret-of-github'
export const gitlabKey = `whsec_${Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')}`
export const gitlabToken = 'a-token-of-gitlab'
export const giteaSecret = 'a-secret-of-gitea'
export const bitbucketSecret = 'a-secret-of-bitbucket'
export const standardKey = `whsec_${Buffer.from('fedcba9876543210fedcba9876543210').toString('base64')}`
export const hmacKey = 'a-key-of-a-script'
export const dockerHubToken = 'a-token-in-the-url-of-docker-hub'
export const harborHeader = 'Bearer a-header-of-harbor'
export const shopSecret = 'a-secret-of-shop-alone'
export const commit = 'a'.repeat(40)
export const earlier = 'b'.repeat(40)
export const zero = '0'.repeat(40)

/** Intake as the port promises it, in memory: durable for as long as the test runs. */
export interface MemoryIntake extends Pick<Intake, 'acceptDelivery'> {
  readonly calls: { delivery: Delivery; targets: readonly Target[]; trigger: Trigger }[]
  /** What every further call rejects with, until it is undefined again. */
  failure: Error | undefined
}

export function memoryIntake(): MemoryIntake {
  const wanted = new Map<string, number>()
  const remembered = new Map<string, Accepted>()
  return {
    calls: [],
    failure: undefined,
    async acceptDelivery(delivery, targets, trigger) {
      if (this.failure) throw this.failure
      this.calls.push({ delivery, targets, trigger })
      const key = `${delivery.provider} ${delivery.id} ${delivery.bodyDigest}`
      const known = remembered.get(key)
      if (known) return { ...known, duplicate: true }
      const tickets = targets.map(({ application, cluster }) => {
        wanted.set(application, (wanted.get(application) ?? 0) + 1)
        return { application, cluster, wanted: wanted.get(application) ?? 0 }
      })
      remembered.set(key, { duplicate: false, tickets })
      return { duplicate: false, tickets }
    },
  }
}

export function application(name: string, repository: string, ref: string, cluster = 'prod'): Application {
  return {
    name,
    source: { repository, ref, path: '' },
    destination: { cluster, namespace: name, createNamespace: true },
    sync: { prune: true, selfHeal: true, partial: false, preflight: true, undeclared: 'report', healthTimeoutMs: 0 },
    dependsOn: [],
  }
}

export function configurationOf(repositories: Readonly<Record<string, string>>, applications: readonly Application[]): Configuration {
  const entries = Object.entries(repositories).map(([name, url]): [string, Repository] => [
    name,
    { name, url, pollIntervalMs: 60_000, allowInsecure: false },
  ])
  return {
    version: 1,
    repositories: new Map(entries),
    clusters: new Map(),
    tokens: new Map(),
    logins: new Map(),
    applications: new Map(applications.map((item) => [item.name, item])),
  }
}

export const configuration = configurationOf(
  {
    hello: 'https://github.com/Codertocat/Hello-World.git',
    shop: 'https://github.com/acme/shop',
    store: 'https://gitlab.example.com/acme/store.git',
  },
  [
    application('hello-prod', 'hello', 'refs/heads/master'),
    application('hello-tag', 'hello', 'refs/tags/simple-tag', 'dev'),
    application('shop-prod', 'shop', 'refs/heads/main'),
    application('shop-dev', 'shop', 'refs/heads/main', 'dev'),
    application('store-prod', 'store', 'refs/heads/main'),
    application('store-release', 'store', 'refs/tags/v1.0.0'),
  ],
)

export interface Harness {
  readonly server: Server
  readonly intake: MemoryIntake
  readonly logged: { level: string; fields: object; message: string }[]
  readonly port: number
  close(): Promise<void>
}

/** A real HTTP server on loopback with the receiver in it; everything else answers 404. */
export async function startReceiver(options: Partial<ReceiverOptions> = {}): Promise<Harness> {
  const intake = memoryIntake()
  const logged: Harness['logged'] = []
  const note = (level: string) => (fields: object, message: string) => void logged.push({ level, fields, message })
  const receiver = createReceiver({
    secrets: {
      shared: {
        github: [githubSecret],
        gitlab: [gitlabKey, gitlabToken],
        gitea: [giteaSecret],
        bitbucket: [bitbucketSecret],
        azure: ['azure:a-password', 'another-password'],
        standard: [standardKey],
        hmac: [hmacKey],
        dockerhub: [dockerHubToken],
        harbor: [harborHeader],
      },
      forRepository: async (name) => (name === 'shop' ? [shopSecret] : undefined),
    },
    intake,
    match: createMatch(() => configuration),
    rateLimit: undefined,
    log: { debug: note('debug'), warn: note('warn'), error: note('error') },
    ...options,
  })
  const server = createServer((request, response) => {
    void receiver(request, response).then((answered) => answered || response.writeHead(404).end())
  })
  const port = await listen(server)
  return { server, intake, logged, port, close: () => close(server) }
}

/** As the web server has it: a crowd that connects while the event loop is busy must not overflow the kernel's queue, which resets them. */
const BACKLOG = 4096

export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: BACKLOG }, resolve))
  const address = server.address() as AddressInfo
  return address.port
}

export async function close(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise<void>((resolve) => server.close(() => resolve()))
}

export function githubPush(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    ref: 'refs/heads/main',
    before: earlier,
    after: commit,
    created: false,
    deleted: false,
    forced: false,
    repository: {
      html_url: 'https://github.com/acme/shop',
      clone_url: 'https://github.com/acme/shop.git',
      ssh_url: 'git@github.com:acme/shop.git',
    },
    commits: [{ id: commit, added: ['new.yaml'], modified: ['overlays/prod/api.yaml'], removed: [] }],
    pusher: { name: 'ada' },
    sender: { login: 'ada' },
    ...changes,
  }
}

export type Headers = Record<string, string>

export function githubHeaders(
  body: string | Buffer,
  secret = githubSecret,
  id = '72d3162e-cc78-11e3-81ab-4c9367dc0958',
  event = 'push',
): Headers {
  return {
    'content-type': 'application/json',
    'x-github-event': event,
    'x-github-delivery': id,
    'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  }
}

export interface GitlabSigning {
  readonly id?: string
  readonly timestamp?: string
  readonly key?: string
  readonly event?: string
}

export function gitlabHeaders(
  body: string | Buffer,
  { id = 'msg-1', timestamp, key = gitlabKey, event = 'Push Hook' }: GitlabSigning = {},
): Headers {
  const at = timestamp ?? String(Math.floor(Date.now() / 1000))
  const bytes = Buffer.from(key.replace(/^whsec_/u, ''), 'base64')
  const signature = createHmac('sha256', bytes).update(`${id}.${at}.`).update(body).digest('base64')
  return {
    'content-type': 'application/json',
    'x-gitlab-event': event,
    'webhook-id': id,
    'webhook-timestamp': at,
    'webhook-signature': `v1,${signature}`,
  }
}

export interface Reply {
  readonly status: number
  readonly text: string
}

/** Speaks HTTP by hand: writes the pieces, one after another, and resolves with what came back when the connection ends. */
export function speak(port: number, pieces: Iterable<string | Buffer>, options: { everyMs?: number; end?: boolean } = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    const rest = pieces[Symbol.iterator]()
    let timer: NodeJS.Timeout | undefined
    const next = (): void => {
      const piece = rest.next()
      if (piece.done) return options.end ? void socket.end() : undefined
      if (socket.writable) socket.write(piece.value, () => (timer = setTimeout(next, options.everyMs ?? 0)))
    }
    socket.setTimeout(20_000, () => socket.destroy(new Error('no answer within 20 s')))
    socket.on('connect', next)
    socket.on('data', (data) => {
      text += data.toString('latin1')
      if (/\r\n\r\n\{[^]*\}$/u.test(text)) socket.destroy()
    })
    socket.on('error', (error) => (text === '' ? reject(error) : undefined))
    socket.on('close', () => {
      clearTimeout(timer)
      resolve({ status: Number(/^HTTP\/1\.1 (\d+)/u.exec(text.replace(/^HTTP\/1\.1 100[^]*?\r\n\r\n/u, ''))?.[1] ?? 0), text })
    })
  })
}

export function rawRequest(path: string, headers: Headers, ending = '\r\n'): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `POST ${path} HTTP/1.1\r\nhost: localhost\r\n${lines.join('')}${ending}`
}

/** Resolves when the condition holds; rejects after 10 s. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('the condition did not come true within 10 s')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
