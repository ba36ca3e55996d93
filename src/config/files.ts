import type { Stats } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { GitwakeError } from '../model/error.ts'

const MOST_FILES = 5000
const DEEPEST = 8
const LARGEST_FILE = 16 * 1024 * 1024

/** A configuration file as it was found. */
export interface ConfigurationFile {
  /** As users know it: the configured path itself, or relative to the configured folder. */
  readonly name: string
  readonly path: string
  /** Changes when the file does, or when a link in its path points elsewhere (as mounted ConfigMaps do). */
  readonly signature: string
}

/**
 * The files of a configured path: itself, or every *.yaml and *.yml below a folder, sorted. Names that begin with a dot are
 * left out: they are editors' and Kubernetes' own (`..data`). Throws `configuration-not-found` and `configuration-too-large`.
 */
export async function listFiles(path: string): Promise<readonly ConfigurationFile[]> {
  const root = await statOf(path)
  if (root === undefined) {
    throw new GitwakeError('configuration-not-found', `There is no configuration at ${path}.`, {
      fix: 'Write one (README.md shows the smallest), or let GITWAKE_CONFIG name the file or folder.',
    })
  }
  if (!root.isDirectory()) return [{ name: path, path, signature: signatureOf(root) }]
  const found = await walk(path, 0)
  if (found.length > MOST_FILES) {
    throw new GitwakeError('configuration-too-large', `The folder ${path} holds more than ${MOST_FILES} YAML files.`, {
      fix: 'Let GITWAKE_CONFIG name a folder that holds only the configuration of gitwake.',
    })
  }
  return found
    .map(({ file, info }) => ({ name: relative(path, file).split(sep).join('/'), path: file, signature: signatureOf(info) }))
    .sort((left, right) => (left.name < right.name ? -1 : 1))
}

/** Text of a file; a sentence instead where it cannot be read. */
export async function readText(file: ConfigurationFile): Promise<{ readonly text: string } | { readonly problem: string }> {
  try {
    const bytes = await readFile(file.path)
    if (bytes.length > LARGEST_FILE) return { problem: `is larger than ${LARGEST_FILE / 1024 / 1024} MiB: split it` }
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch (error) {
    if (error instanceof TypeError) return { problem: 'is not valid UTF-8: save it as UTF-8' }
    return { problem: `cannot be read (${error instanceof Error ? error.message : String(error)})` }
  }
}

async function walk(folder: string, depth: number): Promise<readonly { readonly file: string; readonly info: Stats | undefined }[]> {
  const found: { file: string; info: Stats | undefined }[] = []
  for (const name of (await readdir(folder)).sort()) {
    if (name.startsWith('.')) continue
    const path = join(folder, name)
    const info = await statOf(path)
    // A link to nothing stays in the list, so that reading it tells what is wrong.
    if ((info === undefined || info.isFile()) && /\.ya?ml$/i.test(name)) found.push({ file: path, info })
    if (info?.isDirectory() && depth < DEEPEST) found.push(...(await walk(path, depth + 1)))
    if (found.length > MOST_FILES) break
  }
  return found
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined
    throw new GitwakeError('configuration-unreadable', `The configuration at ${path} cannot be read (${String(code)}).`, {
      fix: 'Give the user that runs gitwake the right to read it.',
      cause: error,
    })
  }
}

function signatureOf(info: Stats | undefined): string {
  if (info === undefined) return 'missing'
  return `${info.dev}:${info.ino}:${info.size}:${info.mtimeMs}:${info.ctimeMs}`
}
