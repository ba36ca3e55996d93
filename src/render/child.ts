import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface ChildOptions {
  /** Absolute path of a program. */
  readonly program: string
  readonly arguments: readonly string[]
  readonly directory: string
  /** The whole environment: nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly memoryBytes: number
  readonly outputBytes: number
}

export type ChildResult =
  | {
      readonly kind: 'exited'
      readonly code: number | null
      readonly stdout: Buffer
      readonly stderr: string
    }
  | { readonly kind: 'timed out' | 'too much output' }
  | { readonly kind: 'not started'; readonly cause: unknown }

const STDERR_BYTES = 64 * 1024
/** Limits are set by the shell's ulimit, where the system knows them; the arguments never become shell text. */
const LIMITED = 'ulimit -v "$1" 2>/dev/null; ulimit -t "$2" 2>/dev/null; ulimit -c 0 2>/dev/null; shift 2; exec "$@"'

/**
 * Runs a program to its end in a process group of its own, with bounded time, memory and output. The group is killed when a limit is
 * passed and when the signal aborts; then the signal's reason is thrown, once the program is gone.
 */
export async function runChild(options: ChildOptions, signal: AbortSignal): Promise<ChildResult> {
  signal.throwIfAborted()
  const kibibytes = String(Math.ceil(options.memoryBytes / 1024))
  const seconds = String(Math.ceil(options.timeoutMs / 1000) * 2)
  const child = spawn('/bin/sh', ['-c', LIMITED, 'sh', kibibytes, seconds, options.program, ...options.arguments], {
    cwd: options.directory,
    env: { ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let stopped: 'timed out' | 'too much output' | undefined
  const stop = (why?: 'timed out' | 'too much output'): void => {
    stopped ??= why
    killGroup(child.pid)
  }
  const timer = setTimeout(() => stop('timed out'), options.timeoutMs)
  const aborted = (): void => stop()
  signal.addEventListener('abort', aborted, { once: true })
  const stdout = collect(child.stdout, options.outputBytes, () => stop('too much output'))
  const stderr = collect(child.stderr, STDERR_BYTES, () => undefined)
  try {
    const [code] = (await once(child, 'close')) as [number | null]
    signal.throwIfAborted()
    if (stopped !== undefined) return { kind: stopped }
    return {
      kind: 'exited',
      code,
      stdout: Buffer.concat(stdout),
      stderr: Buffer.concat(stderr).toString('utf8'),
    }
  } catch (cause) {
    signal.throwIfAborted()
    return { kind: 'not started', cause }
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', aborted)
    // Whatever the program started and left behind goes with it.
    killGroup(child.pid)
  }
}

function collect(stream: NodeJS.ReadableStream, limit: number, onOverflow: () => void): Buffer[] {
  const chunks: Buffer[] = []
  let size = 0
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size <= limit) chunks.push(chunk)
    else onOverflow()
  })
  return chunks
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Already gone.
  }
}
