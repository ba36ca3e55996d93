import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { GitwakeError } from '../model/error.ts'
import { createAnswers, type Answer, type Answers } from './answers.ts'
import { hardening, signalGroup, startFailure } from './git.ts'
import { isObject } from './tree-object.ts'

/** A verified Git object. */
export interface GitObject {
  readonly oid: string
  readonly type: string
  readonly content: Buffer
}

/** What is known of an object before it is read. */
export interface ObjectInfo {
  readonly oid: string
  readonly type: string
  readonly size: number
}

/** Reads objects of one cache, through one `git cat-file` that stays for a short while. */
export interface Objects {
  /** Starts the process ahead of the first question. */
  warm(): void
  /** Undefined for each name that is not there. */
  info(names: readonly string[], signal: AbortSignal): Promise<readonly (ObjectInfo | undefined)[]>
  /**
   * In the order asked for; each is what its id says. Undefined for each name that is not there.
   * Throws GitwakeError `repository-corrupt` (retryable), and `file-too-large` before anything beyond `maximumBytes` is read.
   */
  read(names: readonly string[], maximumBytes: number, signal: AbortSignal): Promise<readonly (GitObject | undefined)[]>
  /** Ends the process; resolves when it is gone. What was still expected of it is rejected. */
  close(): Promise<void>
}

type CatFile = ChildProcessByStdio<Writable, Readable, Readable>
interface Process {
  readonly child: CatFile
  readonly answers: Answers
}

const idleMs = 15_000
const answerTimeoutMs = 60_000

/**
 * Opens the objects of the cache in `directory`. The process works in that directory by inode: where the cache is replaced by a new
 * one, it goes on reading the old one. `stillThere` is asked before a process is started again later.
 */
export function openObjects(directory: string, environment: Readonly<Record<string, string>>, stillThere: () => void): Objects {
  const alive = new Set<CatFile>()
  let current: Process | undefined
  let idle: NodeJS.Timeout | undefined

  function start(): Process {
    stillThere()
    const child = spawn('git', [...hardening, '--git-dir=.', 'cat-file', '--batch-command', '--buffer'], {
      cwd: directory,
      env: environment,
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    })
    const answers = createAnswers()
    const started = { child, answers }
    let complaint = ''
    const end = (error: unknown): void => {
      if (current === started) current = undefined
      answers.fail(error)
    }
    child.stdout.on('data', (chunk: Buffer) => answers.feed(chunk))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-2_000)))
    child.stdin.on('error', () => {}) // EPIPE: the end of the process tells it better
    child.once('error', (error) => end(startFailure(error)))
    if (child.pid !== undefined) alive.add(child)
    child.once('close', () => {
      alive.delete(child)
      end(corrupt(complaint.trim() || 'git cat-file ended'))
    })
    return started
  }

  function rest(): void {
    clearTimeout(idle)
    idle = setTimeout(() => {
      if (current?.answers.busy() === true) return rest()
      current?.child.stdin.end()
      current = undefined
    }, idleMs)
    idle.unref()
  }

  async function ask(
    command: 'info' | 'contents',
    names: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly (Answer | undefined)[]> {
    signal.throwIfAborted()
    if (names.length === 0) return []
    current ??= start()
    rest()
    const { child, answers } = current
    const answer = answers.expect(names.length, command === 'contents')
    child.stdin.write(`${names.map((name) => `${command} ${name}\n`).join('')}flush\n`)
    const timer = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), answerTimeoutMs)
    try {
      return await leaveable(answer, signal)
    } finally {
      clearTimeout(timer)
    }
  }

  async function read(names: readonly string[], maximumBytes: number, signal: AbortSignal): Promise<readonly (GitObject | undefined)[]> {
    const infos = await ask('info', names, signal)
    const present = infos.filter((info) => info !== undefined)
    const total = present.reduce((sum, { size }) => sum + size, 0)
    if (total > maximumBytes) throw tooLarge(total, maximumBytes)
    const contents = await ask(
      'contents',
      present.map(({ oid }) => oid),
      signal,
    )
    const objects = new Map(contents.flatMap((answer) => (answer === undefined ? [] : [[answer.oid, verified(answer)]])))
    return infos.map((info) => (info === undefined ? undefined : objects.get(info.oid)))
  }

  return {
    warm: () => {
      current ??= start()
      rest()
    },
    info: (names, signal) => ask('info', names, signal),
    read,
    close: async () => {
      clearTimeout(idle)
      await Promise.all(
        [...alive].map(async (child) => {
          const gone = once(child, 'close')
          signalGroup(child.pid, 'SIGKILL')
          await gone
        }),
      )
    },
  }
}

function verified({ oid, type, content }: Answer): GitObject {
  if (!isObject(oid, type, content)) throw corrupt(`object ${oid} is not what its id says`)
  return { oid, type, content }
}

/** The answer still arrives when nobody waits for it: the process goes on with the next question. */
function leaveable<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason)
    signal.addEventListener('abort', leave, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })
}

/** The error of a cache that does not hold what it should. */
export function corrupt(what: string): GitwakeError {
  return new GitwakeError('repository-corrupt', `the cache of the repository is damaged: ${what.slice(0, 300)}`, {
    retryable: true,
    fix: 'It is fetched anew; if that goes on, check the disk of the cache directory.',
  })
}

function tooLarge(bytes: number, maximumBytes: number): GitwakeError {
  return new GitwakeError('file-too-large', `${bytes} bytes would have to be read at once; the limit is ${maximumBytes}`, {
    fix: 'Keep large files out of the paths that gitwake applies.',
  })
}
