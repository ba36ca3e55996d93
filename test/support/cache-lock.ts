import { mkdir, open, rm, stat, utimes } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from './checkout.ts'

const BEAT_MS = 2_000
const STALE_MS = 20_000

/**
 * Runs work while holding a lock file, so that checkouts side by side do not build the same thing twice. The
 * holder touches the file; one that nobody touches any more belongs to a process that is gone and is taken
 * over. In the worst case two work at once, so the work must end in an atomic rename.
 */
export async function withLock<T>(file: string, log: Log, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(file), { recursive: true })
  let told = false
  while (!(await take(file))) {
    if (!told) log(`another process is building it: waiting for ${file}`)
    told = true
    if (await isStale(file)) await rm(file, { force: true })
    else await sleep(500)
  }
  const beat = setInterval(() => void utimes(file, new Date(), new Date()).catch(() => undefined), BEAT_MS)
  try {
    return await work()
  } finally {
    clearInterval(beat)
    await rm(file, { force: true })
  }
}

async function take(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx')
    await handle.writeFile(`${process.pid}\n`)
    await handle.close()
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

async function isStale(file: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(file)).mtimeMs > STALE_MS
  } catch {
    return false // just released: take() decides
  }
}
