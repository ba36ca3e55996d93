import { open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { decodeEntry, type AuditEntry, type AuditHead } from '../../model/audit.ts'
import { GitwakeError } from '../../model/error.ts'

/** The log as a file of JSON lines: what is in it outlives Redis. */
export interface AuditFile {
  /** The newest entry in it. */
  last(): AuditHead | undefined
  /** Resolves once they are on the disk. */
  write(entries: readonly AuditEntry[]): Promise<void>
  close(): Promise<void>
}

export interface AuditFileOptions {
  readonly path: string
  /** A file that has grown beyond is put aside as `<path>.<number of its last entry>`. */
  readonly maxBytes: number
  /** Files put aside longer ago are removed; 0 keeps them. */
  readonly maxAgeMs: number
  readonly now: () => number
}

/** More than the longest entry. */
const TAIL_BYTES = 1024 * 1024

/** Opens it for appending, without what a crash left of a half-written line. Throws GitwakeError `audit-file-unusable`. */
export async function openAuditFile(options: AuditFileOptions): Promise<AuditFile> {
  const { path, maxBytes } = options
  try {
    let handle = await open(path, 'a+', 0o600)
    const found = await mend(handle)
    let { size } = found
    let last = found.last ?? (await lastPutAside(path))

    const putAside = async (): Promise<void> => {
      await handle.close()
      await rename(path, `${path}.${last?.seq ?? 0}`)
      handle = await open(path, 'a+', 0o600)
      size = 0
      await removeOld(options)
    }

    return {
      last: () => last,
      async write(entries) {
        const text = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')
        await handle.appendFile(text)
        await handle.datasync()
        const newest = entries.at(-1)
        if (newest) last = { seq: newest.seq, hash: newest.hash }
        size += Buffer.byteLength(text)
        if (size > maxBytes) await putAside()
      },
      close: () => handle.close(),
    }
  } catch (error) {
    throw new GitwakeError(
      'audit-file-unusable',
      `GITWAKE_AUDIT_FILE ${path} cannot be used: ${error instanceof Error ? error.message : String(error)}`,
      {
        fix: 'Name a file in a folder that exists and that gitwake may write to.',
        cause: error,
      },
    )
  }
}

/** Cuts off an incomplete last line; what it said is still in Redis. */
async function mend(handle: FileHandle): Promise<{ readonly size: number; readonly last: AuditHead | undefined }> {
  const { size } = await handle.stat()
  const from = Math.max(0, size - TAIL_BYTES)
  const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(size - from), position: from })
  const end = buffer.subarray(0, bytesRead).lastIndexOf(0x0a) + 1
  if (from + end < size) await handle.truncate(from + end)
  const entry = decodeEntry(buffer.toString('utf8', 0, end).trimEnd().split('\n').at(-1) ?? '')
  return { size: from + end, last: entry && { seq: entry.seq, hash: entry.hash } }
}

/** A crash right after the old file was put aside leaves an empty one. */
async function lastPutAside(path: string): Promise<AuditHead | undefined> {
  const newest = (await putAsideFiles(path)).at(-1)
  if (newest === undefined) return undefined
  const handle = await open(newest, 'r+')
  try {
    return (await mend(handle)).last
  } finally {
    await handle.close()
  }
}

/** Oldest first. */
async function putAsideFiles(path: string): Promise<readonly string[]> {
  const prefix = `${basename(path)}.`
  const numbers = (await readdir(dirname(path))).flatMap((name) => {
    const number = name.startsWith(prefix) ? name.slice(prefix.length) : ''
    return /^\d+$/.test(number) ? [Number(number)] : []
  })
  return numbers.toSorted((one, other) => one - other).map((number) => join(dirname(path), `${prefix}${number}`))
}

async function removeOld({ path, maxAgeMs, now }: AuditFileOptions): Promise<void> {
  if (maxAgeMs === 0) return
  for (const file of await putAsideFiles(path)) if ((await stat(file)).mtimeMs < now() - maxAgeMs) await rm(file)
}
