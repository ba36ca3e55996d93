import { link, open, rename, stat, unlink, utimes } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

const heartbeatMs = 3_000
const staleMs = 15_000
const pollMs = 15

/**
 * Runs `work` while no other process does so under the same lock file. A holder that died is recognised by the age of the file,
 * not by its process id: processes in different containers share volumes, not process ids. Where a frozen holder wakes beside its
 * successor, git's own lock files still keep the repository whole.
 * Rejects with the signal's reason when that comes first.
 */
export async function withLock<Result>(path: string, signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
  const inode = await acquire(path, signal)
  const heartbeat = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => {}) // stolen meanwhile: the release below notices
  }, heartbeatMs)
  try {
    return await work()
  } finally {
    clearInterval(heartbeat)
    if ((await inodeOf(path))?.inode === inode) await unlink(path)
  }
}

async function acquire(path: string, signal: AbortSignal): Promise<number> {
  for (;;) {
    signal.throwIfAborted()
    try {
      const file = await open(path, 'wx', 0o600)
      const { ino } = await file.stat()
      await file.close()
      return ino
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error
    }
    const holder = await inodeOf(path)
    if (holder !== undefined && holder.ageMs > staleMs) await breakLock(path, holder.inode)
    else await delay(pollMs, undefined, { signal })
  }
}

/** Takes a dead holder's file away; if another process was quicker and the file is its live one, puts it back. */
async function breakLock(path: string, inode: number): Promise<void> {
  const aside = `${path}.${process.pid}-${Math.random().toString(36).slice(2)}`
  try {
    await rename(path, aside)
  } catch (error) {
    if (isCode(error, 'ENOENT')) return
    throw error
  }
  if ((await inodeOf(aside))?.inode !== inode) await link(aside, path).catch(() => {})
  await unlink(aside)
}

async function inodeOf(path: string): Promise<{ readonly inode: number; readonly ageMs: number } | undefined> {
  try {
    const { ino, mtimeMs } = await stat(path)
    return { inode: ino, ageMs: Date.now() - mtimeMs }
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Whether an error of the file system has this code. */
export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
