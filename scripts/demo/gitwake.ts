import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { checkoutRoot } from '../../test/support/checkout.ts'
import { spawnOwned } from '../../test/support/owned-process.ts'
import { waitFor } from './wait.ts'

/** gitwake as a process of its own, as anybody would run it. */
export interface GitwakeProcess {
  readonly url: string
  readonly pid: number
  /** The last lines that it wrote. */
  readonly logLines: readonly string[]
  /** Rejects when it ends before it was told to. */
  readonly failed: Promise<never>
  stop(): Promise<void>
}

/** As in infra/Dockerfile. */
const NODE_OPTIONS = ['--enable-source-maps', '--max-semi-space-size=4']
const START_LIMIT_MS = 30_000
const STOP_LIMIT_MS = 15_000
const MOST_LINES = 60

/** Starts `gitwake start`, compiled, and resolves when it is ready. */
export async function startGitwake(
  port: number,
  environment: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<GitwakeProcess> {
  const program = join(checkoutRoot, 'dist', 'src', 'main.js')
  if (!existsSync(program)) throw new Error('dist/src/main.js is missing: start the demo by npm run demo, which compiles first.')
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: process.env['TMPDIR'], ...environment, PORT: String(port) }
  const child = spawnOwned(process.execPath, [...NODE_OPTIONS, program, 'start'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a Ctrl-C in the terminal is for the demo, which then ends gitwake first
  })
  const logLines = lastLines(child)
  const end = endOf(child)
  const url = `http://127.0.0.1:${port}`
  try {
    await Promise.race([waitFor('gitwake ready', () => readyAnswer(url), { signal, limitMs: START_LIMIT_MS, everyMs: 50 }), end.failed])
  } catch (error) {
    await end.stop()
    throw withLog(error, logLines)
  }
  return { url, pid: child.pid ?? 0, logLines, ...end }
}

/** An error that says what gitwake wrote last. */
export function withLog(error: unknown, logLines: readonly string[]): Error {
  const message = error instanceof Error ? error.message : String(error)
  const told =
    logLines.length === 0 ? 'gitwake wrote no log line.' : `gitwake's last log lines:\n${logLines.map((line) => `  ${line}`).join('\n')}`
  return new Error(`${message}\n${told}`, { cause: error })
}

async function readyAnswer(url: string): Promise<true | undefined> {
  const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined)
  await response?.body?.cancel()
  return response?.status === 200 ? true : undefined
}

function lastLines(child: ChildProcess): readonly string[] {
  const lines: string[] = []
  for (const input of [child.stdout, child.stderr]) {
    if (input === null) continue
    createInterface({ input }).on('line', (line) => {
      lines.push(line)
      if (lines.length > MOST_LINES) lines.shift()
    })
  }
  return lines
}

function endOf(child: ChildProcess): Pick<GitwakeProcess, 'failed' | 'stop'> {
  const failed = Promise.withResolvers<never>()
  const gone = Promise.withResolvers<void>()
  let stopping = false
  failed.promise.catch(() => undefined)
  child.once('error', (error) => {
    failed.reject(error)
    gone.resolve()
  })
  child.once('exit', (code, signal) => {
    if (!stopping) failed.reject(new Error(`gitwake ended by itself (${signal ?? `exit code ${code}`})`))
    gone.resolve()
  })
  return {
    failed: failed.promise,
    async stop() {
      stopping = true
      child.kill('SIGTERM')
      const force = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
      await gone.promise
      clearTimeout(force)
    },
  }
}
