import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'
import { findOnPath } from './checkout.ts'
import { randomFreePort } from './free-port.ts'
import { spawnOwned } from './owned-process.ts'
import { createTempFolder, type TempFolder } from './temp-folder.ts'

/** A Redis of one's own, and what a test may do to it. */
export interface RedisServer {
  readonly port: number
  readonly url: string
  /** Freezes it: connections stay open and nothing is answered. */
  pause(): void
  resume(): void
  /** kill -9; connections are refused from now on. */
  kill(): Promise<void>
  /** Kills it where it still runs and starts it on the same port, with its data if it was append-only. */
  restart(): Promise<void>
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

/** How the Redis is set up; without anything it keeps nothing on disk. */
export interface RedisOptions {
  /** Keeps the data over kill() and restart(). */
  readonly appendOnly?: boolean
  /** Further arguments, such as ['--maxmemory', '32mb']. */
  readonly args?: readonly string[]
}

/** Starts a redis-server on a free port of the loopback address. It ends with this process, however that ends. */
export async function startRedisServer(options: RedisOptions = {}): Promise<RedisServer> {
  if (findOnPath('redis-server') === null) {
    throw new Error(
      'There is no redis-server on PATH: install Redis 7 or newer (apt-get install redis-server, brew install redis), or name a running one in REDIS_URL.',
    )
  }
  const data = options.appendOnly === true ? await createTempFolder('gitwake-redis-') : null
  let { port, child } = await launchOnFreePort(options, data)
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    kill,
    async restart() {
      await kill()
      child = await launch(port, options, data)
    },
    async stop() {
      await kill()
      await data?.remove()
    },
  }
}

async function launchOnFreePort(options: RedisOptions, data: TempFolder | null): Promise<{ port: number; child: ChildProcess }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await randomFreePort()
    try {
      return { port, child: await launch(port, options, data) }
    } catch (error) {
      const raced = error instanceof Error && error.message.includes('Address already in use')
      if (!raced || attempt === 5) throw error
    }
  }
}

async function launch(port: number, options: RedisOptions, data: TempFolder | null): Promise<ChildProcess> {
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--daemonize', 'no', '--save', '', '--maxmemory-policy', 'noeviction']
  args.push('--dir', data?.path ?? tmpdir(), '--appendonly', data === null ? 'no' : 'yes', ...(options.args ?? []))
  // Detached: a Ctrl-C in the terminal must not take it before those who use it have ended.
  const child = spawnOwned('redis-server', args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  if (child.stdout === null || child.stderr === null) throw new Error('redis-server has no output.')
  const said: string[] = []
  const ready = Promise.withResolvers<void>()
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      if (said.length < 50) said.push(line)
      if (line.includes('Ready to accept connections')) ready.resolve()
    })
  }
  child.once('close', () => ready.reject(new Error(`redis-server did not start:\n${said.join('\n')}`)))
  child.once('error', ready.reject)
  await ready.promise
  return child
}
