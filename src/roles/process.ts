import { readFile } from 'node:fs/promises'
import { environmentValue, readSettings, secretsOf, type Settings } from '../config.ts'
import { createSecretResolver, type ResolveSecret } from '../config/secrets.ts'
import { watchConfiguration, type WatchedConfiguration } from '../config/watch.ts'
import { createLog } from '../log.ts'
import type { Configuration } from '../model/configuration.ts'
import { GitwakeError } from '../model/error.ts'
import type { Log } from '../model/log.ts'
import { createMask } from '../model/mask.ts'
import { connectRedis, type Connections } from '../queue/connection.ts'
import { keepHeapSmall } from './heap.ts'

/** What every role shares: settings, log, configuration, Redis. */
export interface Process {
  readonly settings: Settings
  readonly log: Log
  readonly resolveSecret: ResolveSecret
  readonly configuration: WatchedConfiguration
  readonly connections: Connections
  readonly searchPath: string | undefined
  /** Calls back with every accepted change of the configuration. */
  onChange(listener: (configuration: Configuration) => void): void
  /** Calls back with every change of the configuration that was refused. */
  onRefused(listener: (problem: GitwakeError) => void): void
  /** Masks every secret that this process knows. */
  readonly mask: (text: string) => string
  close(): Promise<void>
}

/** Reads everything that a role needs to start. Throws GitwakeError where settings or configuration are not valid. */
export async function openProcess(): Promise<Process> {
  keepHeapSmall()
  const { settings, warnings } = readSettings()
  const mask = createMask(secretsOf(settings))
  const log = await createLog({ level: settings.logLevel, format: settings.logFormat, mask })
  endOnUncaught(log)
  for (const warning of warnings) log.warn({}, warning)
  const listeners: ((configuration: Configuration) => void)[] = []
  const refusals: ((problem: GitwakeError) => void)[] = []
  const configuration = await watchConfiguration({
    path: settings.configurationPath,
    log,
    onChange: (changed) => {
      for (const listener of listeners) listener(changed)
    },
    onRefused: (problem) => {
      for (const listener of refusals) listener(problem)
    },
  })
  const connections = connectRedis({ url: settings.redisUrl, ca: await readAuthorities(settings.redisCaPath), log })
  return {
    settings,
    log,
    resolveSecret: createSecretResolver({ onValue: mask.add }),
    configuration,
    connections,
    searchPath: environmentValue('PATH'),
    onChange: (listener) => listeners.push(listener),
    onRefused: (listener) => refusals.push(listener),
    mask,
    async close() {
      configuration.close()
      await connections.close()
    },
  }
}

async function readAuthorities(path: string | undefined): Promise<Buffer | undefined> {
  try {
    return path === undefined ? undefined : await readFile(path)
  } catch (error) {
    throw new GitwakeError('redis-ca-unreadable', `GITWAKE_REDIS_CA names ${path}, which cannot be read.`, {
      fix: 'Mount the certificates there, readable for the user of gitwake.',
      cause: error,
    })
  }
}

/** Ends the process, as Node would, but with the error in the log, where secrets are masked, and not raw on standard error. */
export function endOnUncaught(log: Log): void {
  process.on('uncaughtException', (error) => {
    log.error({ err: error }, 'gitwake ends: an error that nobody expected. This is a bug in gitwake: please report it')
    process.exit(1)
  })
}

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. */
export async function untilStopped(): Promise<void> {
  await new Promise<void>((resolve) => {
    let asked = false
    const stop = (): void => {
      if (asked) process.exit(130)
      asked = true
      resolve()
    }
    process.on('SIGTERM', stop).on('SIGINT', stop)
  })
}
