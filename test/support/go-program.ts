import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { withLock } from './cache-lock.ts'
import { cacheFolder, type Log } from './checkout.ts'
import { runGo } from './go.ts'

/** A program that is built from Go modules once per user and version. */
export interface GoProgram {
  readonly name: string
  /** Of what is built, for a person who looks into the cache. */
  readonly version: string
  /** Folder with go.mod and go.sum; all its files are part of the cache's key. */
  readonly moduleFolder: string
  /** Import path or "." */
  readonly package: string
  /** Variables set at link time: import path and name → value. */
  readonly variables: Readonly<Record<string, string>>
}

const UNUSED_MS = 14 * 24 * 3600 * 1000

/** Returns the program's file, building it first where the cache has none. Throws with a fix where Go is missing or too old. */
export async function ensureGoProgram(program: GoProgram, log: Log, signal?: AbortSignal): Promise<string> {
  const folder = join(cacheFolder(), 'programs')
  const file = join(folder, `${program.name}-${program.version}-${digest(program)}`)
  if (!existsSync(file)) {
    await withLock(`${file}.lock`, log, async () => {
      if (existsSync(file)) return // somebody else built it while we waited
      await build(program, file, log, signal)
      await removeUnused(folder, program.name, file)
    })
  }
  await utimes(file, new Date(), new Date()).catch(() => undefined) // a cache that we may only read serves too
  return file
}

async function build(program: GoProgram, file: string, log: Log, signal?: AbortSignal): Promise<void> {
  await mkdir(join(file, '..'), { recursive: true })
  const staging = `${file}.${process.pid}.new`
  const setVariables = Object.entries(program.variables).map(([name, value]) => `-X ${name}=${value}`)
  const linkerFlags = ['-s', '-w', ...setVariables].join(' ')
  log(`building ${program.name} ${program.version} from its Go modules, once (kept in ${cacheFolder()})`)
  const flags = ['build', '-v', '-trimpath', '-buildvcs=false', '-mod=readonly', '-ldflags', linkerFlags, '-o', staging, program.package]
  try {
    await runGo(program.moduleFolder, flags, `building ${program.name}`, log, signal)
    await rename(staging, file)
  } finally {
    await rm(staging, { force: true })
  }
}

function digest(program: GoProgram): string {
  const hash = createHash('sha256').update(JSON.stringify([process.platform, process.arch, program.package, program.variables]))
  for (const path of readdirSync(program.moduleFolder, { recursive: true, encoding: 'utf8' }).toSorted()) {
    if (/(^|\/)(go\.mod|go\.sum|[^/]+\.(go|yaml))$/.test(path))
      hash.update(`\0${path}\0`).update(readFileSync(join(program.moduleFolder, path)))
  }
  return hash.digest('hex').slice(0, 16)
}

/** Programs are large: those of the same name that nobody used for two weeks go when a new one comes. */
async function removeUnused(folder: string, name: string, keep: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    const file = join(folder, entry)
    if (!entry.startsWith(`${name}-`) || file === keep || file === `${keep}.lock`) continue
    if (Date.now() - (await stat(file)).mtimeMs > UNUSED_MS) await rm(file, { force: true })
  }
}
