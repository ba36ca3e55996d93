import { createHash } from 'node:crypto'
import { lstat, readdir, readFile, realpath, stat } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { Dirent } from 'node:fs'
import { GitwakeError } from '../model/error.ts'
import type { Rendering, Tree, TreeFile } from '../model/tree.ts'
import { drain } from './drain.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import { createManifestReader } from './manifests.ts'
import { join as joinPath } from './paths.ts'
import { renderingOf } from './rendering.ts'

/** Stands where the commit would. */
const REVISION = 'the working directory'

/**
 * A directory of this machine as a Tree: what `git add` would take up, with the object ids that Git would give. The tree's root is the
 * repository that the directory belongs to (where `.git` is), so that overlays reach their bases; without one it is the directory itself.
 */
export async function openLocalTree(directory: string): Promise<{ readonly tree: Tree; readonly path: string }> {
  const real = await realpath(directory).catch(() => undefined)
  if (real === undefined || !(await stat(real)).isDirectory()) {
    throw new GitwakeError('path-not-found', `${directory} is not a directory`, {
      fix: 'Name a directory that exists.',
      held: true,
    })
  }
  const root = await repositoryOf(real)
  return { tree: localTree(root), path: relative(root, real).replaceAll('\\', '/') }
}

/** Reads one file of manifests. Throws GitwakeError for whatever is wrong with it. */
export async function renderFile(file: string, signal: AbortSignal): Promise<Rendering> {
  const content = await readFile(file, { signal }).catch((cause: unknown) => {
    signal.throwIfAborted()
    throw new GitwakeError('path-not-found', `${file} cannot be read`, {
      fix: 'Name a file that exists and is readable.',
      cause,
    })
  })
  return renderContent(file, content, signal)
}

/** The same for content that is at hand, such as standard input. JSON where the name ends so, YAML otherwise. */
export async function renderContent(file: string, content: Uint8Array, signal: AbortSignal): Promise<Rendering> {
  const reader = createManifestReader(DEFAULT_LIMITS)
  await drain(reader.read(file, content), signal)
  return renderingOf(reader, []).rendering
}

async function repositoryOf(directory: string): Promise<string> {
  for (let candidate = directory; ; candidate = dirname(candidate)) {
    if (await exists(join(candidate, '.git'))) return candidate
    if (dirname(candidate) === candidate) return directory
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}

function localTree(root: string): Tree {
  return {
    revision: REVISION,
    async treeOid(path) {
      const found = await lstat(join(root, path)).catch(() => undefined)
      // Nothing compares it: a working directory has no tree object.
      return found?.isDirectory() === true ? `${REVISION}:${path}` : undefined
    },
    async list(path, signal) {
      const files: TreeFile[] = []
      const skipped: { path: string; why: string }[] = []
      for await (const { path: at, entry } of walk(root, path, signal)) {
        if (entry.isFile()) files.push(await describe(root, at))
        else
          skipped.push({
            path: at,
            why: entry.isSymbolicLink() ? 'it is a symbolic link; links are not followed' : 'it is not a regular file',
          })
      }
      return { files: files.toSorted(byPath), skipped: skipped.toSorted(byPath) }
    },
    async read(files, signal) {
      const contents: Buffer[] = []
      for (const file of files) contents.push(await readFile(join(root, file.path), { signal }))
      return contents
    },
  }
}

async function* walk(root: string, path: string, signal: AbortSignal): AsyncGenerator<{ path: string; entry: Dirent }> {
  signal.throwIfAborted()
  for (const entry of await readdir(join(root, path), { withFileTypes: true })) {
    const at = joinPath(path, entry.name)
    if (entry.name === '.git') continue
    if (entry.isDirectory()) yield* walk(root, at, signal)
    else yield { path: at, entry }
  }
}

async function describe(root: string, path: string): Promise<TreeFile> {
  const [content, { mode }] = await Promise.all([readFile(join(root, path)), stat(join(root, path))])
  const oid = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')
  return { path, oid, size: content.length, executable: (mode & 0o100) !== 0 }
}

function byPath(one: { readonly path: string }, other: { readonly path: string }): number {
  return one.path < other.path ? -1 : 1
}
