import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { GitwakeError } from '../model/error.ts'
import { bareEnvironment, type Machine } from './environment.ts'
import { runGit } from './git.ts'
import { summary } from './failure.ts'
import { isCode, withLock } from './lock.ts'

/** How a repository names its objects. */
export type ObjectFormat = 'sha1' | 'sha256'

/** A bare repository on disk, as it was when it was opened. */
export interface CacheDirectory {
  readonly path: string
  /** Tells one directory from the next that bears its name. */
  readonly identity: string
  /** How many heads were ever fetched into it: what decides when it is worth starting afresh. */
  readonly heads: number
  readonly fresh: boolean
}

/** The place of one repository's cache. */
export interface Cache {
  /** Runs `work` while no other process touches the cache: `open` and `renew` belong inside. */
  locked<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result>
  open(signal: AbortSignal): Promise<CacheDirectory>
  /** Puts an empty cache in the place of the old one. Whoever still reads the old one can go on for some minutes. */
  renew(format: ObjectFormat, signal: AbortSignal): Promise<CacheDirectory>
}

const initTimeoutMs = 30_000
const dayMs = 24 * 60 * 60 * 1_000
const trashMs = 10 * 60 * 1_000

/** The cache called `name` in the folder `root`, which is made where it is missing. */
export function createCache(root: string, name: string, machine: Machine): Cache {
  const path = join(root, name)

  async function create(format: ObjectFormat, signal: AbortSignal): Promise<CacheDirectory> {
    const draft = join(root, `new-${name}-${randomUUID()}`)
    const command = ['init', '--quiet', '--bare', '--template=', `--object-format=${format}`, draft]
    const exit = await runGit(
      { arguments: command, environment: bareEnvironment(machine), directory: root, timeoutMs: initTimeoutMs },
      signal,
    )
    if (!exit.ok) throw new GitwakeError('cache-unusable', `no cache can be made in ${root}: ${summary(exit.stderr)}`, cacheFix)
    await rename(draft, path)
    const made = await describe(path)
    if (made === undefined) throw new GitwakeError('cache-unusable', `${path} is no folder`, cacheFix)
    return { ...made, fresh: true }
  }

  async function open(signal: AbortSignal): Promise<CacheDirectory> {
    try {
      const found = await describe(path)
      return found === undefined ? renew('sha1', signal) : { ...found, fresh: false }
    } catch (error) {
      if (!isCode(error, 'ENOENT')) throw error
      return create('sha1', signal)
    }
  }

  async function renew(format: ObjectFormat, signal: AbortSignal): Promise<CacheDirectory> {
    const trash = join(root, 'trash')
    await mkdir(trash, { recursive: true, mode: 0o700 })
    await rename(path, join(trash, `${name}-${randomUUID()}`)).catch((error: unknown) => {
      if (!isCode(error, 'ENOENT')) throw error
    })
    return create(format, signal)
  }

  return {
    locked: async (signal, work) => {
      await prepareRoot(root)
      return withLock(`${path}.lock`, signal, work)
    },
    open,
    renew,
  }
}

const cacheFix = { fix: 'Give gitwake a cache directory that it owns and may write to.' }

/** Makes the folder of all caches where it is missing. Throws GitwakeError `cache-unusable`. */
export async function prepareRoot(root: string): Promise<void> {
  try {
    await mkdir(root, { recursive: true, mode: 0o700 })
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new GitwakeError('cache-unusable', `the cache directory cannot be made: ${message}`, { ...cacheFix, cause })
  }
}

/** Removes what was abandoned: replaced caches after ten minutes, drafts after a day, and caches unused for 30 days. */
export async function removeAbandoned(root: string, now: number): Promise<void> {
  await removeOlder(root, (name) => (name === 'trash' ? undefined : name.startsWith('new-') ? now - dayMs : now - 30 * dayMs))
  await removeOlder(join(root, 'trash'), () => now - trashMs)
}

async function removeOlder(folder: string, limit: (name: string) => number | undefined): Promise<void> {
  for (const name of await namesIn(folder)) {
    const path = join(folder, name)
    const before = limit(name)
    // A rename changes ctime: the age of trash counts from there.
    const stats = before === undefined ? undefined : await stat(path).catch(() => undefined)
    if (stats !== undefined && before !== undefined && stats.ctimeMs < before) await rm(path, { recursive: true, force: true })
  }
}

/** Undefined for what is no folder. */
async function describe(path: string): Promise<Omit<CacheDirectory, 'fresh'> | undefined> {
  const stats = await stat(path)
  if (!stats.isDirectory()) return undefined
  const { dev, ino, mtimeMs } = stats
  if (Date.now() - mtimeMs > dayMs) await utimes(path, new Date(), new Date())
  // Every head fetched with depth 1 leaves one line in the file `shallow`.
  const shallow = await stat(join(path, 'shallow')).catch(() => undefined)
  return { path, identity: `${dev}:${ino}`, heads: Math.floor((shallow?.size ?? 0) / 41) }
}

/** Names in a folder; none where it does not exist. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (isCode(error, 'ENOENT')) return []
    throw error
  }
}
