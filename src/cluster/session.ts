import { createHash } from 'node:crypto'
import type { Log } from '../model/log.ts'
import { Pool, ProxyAgent, Socks5ProxyAgent, type Dispatcher } from 'undici'
import type { Cluster } from '../model/configuration.ts'
import {
  fingerprintOf,
  loadCredentials,
  readCredentials,
  type Credentials,
  type LoadedConfig,
  type ReadEnvironment,
  type ResolveSecret,
} from './credentials.ts'

/** Where a request goes and what it carries, as of now. */
export interface Session {
  readonly origin: string
  /** Stands before every path; '' for most servers. */
  readonly basePath: string
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly dispatcher: Dispatcher
}

/** Keeps credentials fresh: tokens and certificates rotate while we run. */
export interface Sessions {
  /** Looks at the files once a second at most; while they cannot be read the last good credentials stay. */
  current(): Promise<Session>
  /** Reads everything again, because the server refused us; false where nothing has changed. */
  renew(): Promise<boolean>
  close(): Promise<void>
}

interface Reading {
  readonly loaded: LoadedConfig
  readonly fingerprint: string
  readonly transport: string
  readonly session: Session
}

const RECHECK_MS = 1000

export interface SessionDependencies {
  readonly resolveSecret: ResolveSecret
  readonly environment: ReadEnvironment
  readonly log: Log
}

export async function openSessions(cluster: Cluster, { resolveSecret, environment, log }: SessionDependencies): Promise<Sessions> {
  let reading = await read()
  let checkedAt = performance.now()
  let checking: Promise<boolean> | undefined

  async function read(previous?: Reading): Promise<Reading> {
    const loaded = await loadCredentials(cluster, resolveSecret, environment)
    // Taken before the files are read: a change in between is then seen at the next look.
    const fingerprint = await fingerprintOf(loaded.files)
    return readingOf(loaded, fingerprint, await readCredentials(cluster, loaded), previous)
  }

  async function refresh(force: boolean): Promise<boolean> {
    try {
      const changed = force || (await fingerprintOf(reading.loaded.files)) !== reading.fingerprint
      if (!changed && !reading.loaded.dynamic) return false
      const { loaded, fingerprint } = reading
      // A program that mints tokens keeps them until they expire; loading anew would run it again.
      const next = changed ? await read(reading) : readingOf(loaded, fingerprint, await readCredentials(cluster, loaded), reading)
      return replace(next)
    } catch (error) {
      log.warn({ cluster: cluster.name, err: error }, 'cannot read the credentials again; keeping the last good ones')
      return false
    } finally {
      checkedAt = performance.now()
    }
  }

  function replace(next: Reading): boolean {
    const previous = reading
    const moved = next.transport !== previous.transport
    const changed = moved || digestOf(next.session.headers) !== digestOf(previous.session.headers)
    reading = next
    // Requests under way finish on the old connections.
    if (moved) void previous.session.dispatcher.close()
    if (changed) log.info({ cluster: cluster.name }, 'credentials changed')
    return changed
  }

  function check(force: boolean): Promise<boolean> {
    checking ??= refresh(force).finally(() => (checking = undefined))
    return checking
  }

  return {
    async current() {
      if (performance.now() - checkedAt > RECHECK_MS) await check(false)
      return reading.session
    },
    renew: () => check(true),
    close: () => reading.session.dispatcher.destroy(),
  }
}

function readingOf(loaded: LoadedConfig, fingerprint: string, credentials: Credentials, previous: Reading | undefined): Reading {
  const transport = digestOf([credentials.server, credentials.proxyUrl, credentials.tls])
  const url = new URL(credentials.server)
  const session: Session = {
    origin: url.origin,
    basePath: url.pathname === '/' ? '' : url.pathname,
    headers: credentials.headers,
    dispatcher: previous?.transport === transport ? previous.session.dispatcher : openDispatcher(url.origin, credentials),
  }
  return { loaded, fingerprint, transport, session }
}

/** HTTP/1.1 with keep-alive: as fast as HTTP/2 here, and one slow answer holds up no other. Requests are bounded by a semaphore, so the number of connections need not be: watches hold theirs. */
function openDispatcher(origin: string, { tls, proxyUrl }: Credentials): Dispatcher {
  const connect = { ...tls, allowH2: false, keepAlive: true, keepAliveInitialDelay: 30_000, timeout: 10_000 }
  // Shorter than the 90 s after which the API server closes an idle connection, lest a write meets a closing one.
  const options = { keepAliveTimeout: 30_000, headersTimeout: 0, bodyTimeout: 0, pipelining: 1, allowH2: false }
  if (proxyUrl === undefined) return new Pool(origin, { ...options, connect })
  if (proxyUrl.startsWith('socks')) return new Socks5ProxyAgent(proxyUrl, { ...options, requestTls: connect })
  return new ProxyAgent({ ...options, uri: proxyUrl, requestTls: connect })
}

/** Buffers (keys, certificates) become their base64 digits; the text never leaves this function. */
function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex')
}
