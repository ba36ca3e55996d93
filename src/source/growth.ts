import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

const intervalMs = 500

/** Aborts `signal` with an error when more than `maximumBytes` are written below `objects` of a cache, until it is stopped. */
export function watchGrowth(path: string, maximumBytes: number, error: () => Error): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController()
  const startMs = Date.now()
  let looking = false
  const timer = setInterval(() => {
    if (looking) return
    looking = true
    void bytesBelow(join(path, 'objects'), startMs)
      .then((bytes) => {
        if (bytes > maximumBytes) controller.abort(error())
      })
      .finally(() => (looking = false))
  }, intervalMs)
  timer.unref()
  return { signal: controller.signal, stop: () => clearInterval(timer) }
}

/** Bytes of the files below a folder that were written since a time (ms since 1970). What goes away meanwhile does not count. */
export async function bytesBelow(folder: string, sinceMs: number): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) bytes += await bytesBelow(path, sinceMs)
    else {
      const stats = await stat(path).catch(() => undefined)
      if (stats !== undefined && stats.mtimeMs >= sinceMs) bytes += stats.size
    }
  }
  return bytes
}
