import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkoutRoot } from './checkout.ts'
import { spawnOwned } from './owned-process.ts'

/** gitwake as a process of its own, compiled, as anybody would run it. */
export interface Program {
  readonly pid: number
  /** Of the server; '' for a worker. */
  readonly url: string
  /** All that it wrote, standard error included. */
  output(): string
  isRunning(): boolean
  /** Bytes, as the kernel counts them; 0 where it does not say. */
  residentBytes(): Promise<number>
  /** SIGSTOP and SIGCONT. */
  freeze(): void
  thaw(): void
  kill(): Promise<void>
  /** SIGTERM; resolves with the exit code, or with what killed it. */
  stop(): Promise<number | string>
}

const READY_WITHIN_MS = 60_000

/** Starts one role and resolves when it says that it listens or works. Nothing of this process's environment is inherited but PATH and HOME. */
export async function startProgram(parameters: readonly string[], environment: Readonly<Record<string, string>>): Promise<Program> {
  const file = join(checkoutRoot, 'dist', 'src', 'main.js')
  if (!existsSync(file)) throw new Error('dist/src/main.js is missing: npm test compiles it first.')
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], PORT: '0', LOG_FORMAT: 'json', ...environment }
  const child = spawnOwned(process.execPath, ['--enable-source-maps', '--max-semi-space-size=4', file, ...parameters], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (output += text))
  const exited = once(child, 'exit')
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null
  const ready = parameters[0] === 'work' ? /"gitwake works"/ : /"url":"(http:[^"]+)".*"gitwake listens"/
  for (const end = performance.now() + READY_WITHIN_MS; !ready.test(output);) {
    await sleep(50)
    if (isRunning() && performance.now() < end) continue
    child.kill('SIGKILL')
    throw new Error(`gitwake ${parameters.join(' ')} did not start:\n${output}`)
  }
  const pid = child.pid ?? 0
  return {
    pid,
    url: ready.exec(output)?.[1] ?? '',
    output: () => output,
    isRunning,
    async residentBytes() {
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async kill() {
      if (isRunning()) child.kill('SIGKILL')
      await exited
    },
    async stop() {
      child.kill('SIGCONT')
      if (isRunning()) child.kill('SIGTERM')
      const [code, signal] = await exited
      return code ?? signal
    },
  }
}
