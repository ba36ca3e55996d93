import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder of our own in the system's temporary one. */
export interface TempFolder {
  readonly path: string
  remove(): Promise<void>
}

// Its stdin is a pipe that only we hold open. The second round is for those who were still writing when we ended.
const CLEAN_UP = 'cat >/dev/null; rm -rf -- "$1"; sleep 1; rm -rf -- "$1"'

/** Makes a temporary folder that goes with this process, however this one ends, SIGKILL included. */
export async function createTempFolder(prefix: string): Promise<TempFolder> {
  const path = await mkdtemp(join(tmpdir(), prefix))
  const cleaner = spawn('sh', ['-c', CLEAN_UP, 'sh', path], {
    detached: true, // a Ctrl-C in the terminal must not take the cleaner first
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  cleaner.unref()
  cleaner.stdin.on('error', () => undefined)
  if ('unref' in cleaner.stdin && typeof cleaner.stdin.unref === 'function') cleaner.stdin.unref()
  return {
    path,
    async remove(): Promise<void> {
      cleaner.kill('SIGKILL')
      await rm(path, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}
