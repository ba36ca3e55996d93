import { spawn } from 'node:child_process'
import { GitwakeError } from '../model/error.ts'

/** One run of git. */
export interface GitCommand {
  readonly arguments: readonly string[]
  /** The whole environment: nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>
  readonly directory: string
  readonly timeoutMs: number
}

/** How a run ended. `stopped` says why we ended it ourselves. */
export interface GitExit {
  readonly ok: boolean
  readonly stdout: string
  readonly stderr: string
  readonly stopped: 'timeout' | 'output' | undefined
}

const maximumOutputBytes = 1024 * 1024
const graceMs = 1_000

/**
 * What every call of git begins with. The cache's own configuration cannot weaken these, and nothing in a commit can make git run
 * a program. The cache is disposable and every object read from it is verified: syncing it to disk would only cost time.
 */
export const hardening: readonly string[] = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.fsync=none',
  'core.bigFileThreshold=16m',
  'safe.bareRepository=explicit',
  'http.followRedirects=false',
  'http.lowSpeedLimit=100',
  'http.lowSpeedTime=30',
  'protocol.version=2',
  'transfer.fsckObjects=true',
  'fetch.recurseSubmodules=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'credential.helper=',
].flatMap((setting) => ['-c', setting])

/**
 * Runs git to its end in a process group of its own, which is ended as a whole on timeout, too much output or abort.
 * Resolves however git exits; rejects with the signal's reason, or GitwakeError `git-missing`. No process is left when it settles.
 */
export function runGit(command: GitCommand, signal: AbortSignal): Promise<GitExit> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const child = spawn('git', [...hardening, ...command.arguments], {
      cwd: command.directory,
      env: command.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const output = { stdout: '', stderr: '' }
    let stopped: GitExit['stopped']
    let kill: NodeJS.Timeout | undefined
    // SIGTERM lets git remove its lock files and half packs; whoever ignores it is killed.
    const stop = (): void => {
      signalGroup(child.pid, 'SIGTERM')
      kill ??= setTimeout(() => signalGroup(child.pid, 'SIGKILL'), graceMs)
    }
    const stopFor = (reason: 'timeout' | 'output'): void => {
      stopped ??= reason
      stop()
    }
    const timer = setTimeout(() => stopFor('timeout'), command.timeoutMs)
    signal.addEventListener('abort', stop, { once: true })
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        if (output[name].length + text.length > maximumOutputBytes) stopFor('output')
        else output[name] += text
      })
    }
    child.once('exit', () => {
      // A child of git that outlives it would keep the pipes open.
      kill ??= setTimeout(() => signalGroup(child.pid, 'SIGKILL'), graceMs)
    })
    const settle = (): void => {
      clearTimeout(timer)
      clearTimeout(kill)
      signal.removeEventListener('abort', stop)
    }
    child.once('error', (error) => {
      settle()
      reject(startFailure(error))
    })
    child.once('close', (code) => {
      settle()
      if (signal.aborted) reject(signal.reason)
      else resolve({ ok: code === 0 && stopped === undefined, ...output, stopped })
    })
  })
}

/** Ends a process group; one that is gone already is no error. */
export function signalGroup(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, name)
  } catch {
    // ESRCH: nothing is left of the group.
  }
}

/** The error of a git that could not be started. */
export function startFailure(cause: unknown): GitwakeError {
  const message = cause instanceof Error ? cause.message : String(cause)
  return new GitwakeError('git-missing', `git could not be started: ${message}`, {
    fix: 'Install git 2.36 or newer on the PATH of gitwake.',
    cause,
  })
}
