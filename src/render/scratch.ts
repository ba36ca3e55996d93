import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Tree, TreeFile } from '../model/tree.ts'

/** A private directory for one build. */
export interface Scratch {
  /** Stands for the repository's root. */
  readonly root: string
  /** Empty, for what the program believes to be its own. */
  readonly home: string
}

/**
 * Writes files of a tree below a new directory (0700), runs `use`, and removes the directory however that ends. Only regular files are
 * written, so nothing in it can point out of it.
 */
export async function withScratch<Result>(
  tree: Tree,
  files: readonly TreeFile[],
  signal: AbortSignal,
  use: (scratch: Scratch) => Promise<Result>,
): Promise<Result> {
  // The real path, because programs report that one in their messages.
  const top = await mkdtemp(join(await realpath(tmpdir()), 'gitwake-render-'))
  try {
    const scratch = { root: join(top, 'root'), home: join(top, 'home') }
    await mkdir(scratch.root, { mode: 0o700 })
    await mkdir(scratch.home, { mode: 0o700 })
    await writeFiles(scratch.root, files, await tree.read(files, signal), signal)
    return await use(scratch)
  } finally {
    await rm(top, { recursive: true, force: true })
  }
}

async function writeFiles(root: string, files: readonly TreeFile[], contents: readonly Buffer[], signal: AbortSignal): Promise<void> {
  const made = new Set<string>([root])
  for (const [index, file] of files.entries()) {
    signal.throwIfAborted()
    const target = join(root, checkedPath(file.path))
    const directory = dirname(target)
    if (!made.has(directory)) await mkdir(directory, { recursive: true, mode: 0o700 })
    made.add(directory)
    await writeFile(target, contents[index] ?? Buffer.alloc(0), { mode: 0o600, flag: 'wx' })
  }
}

/** Git refuses such names, but a tree can be built by hand. */
function checkedPath(path: string): string {
  const isUnsafe = path.includes('\0') || path.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')
  if (isUnsafe) throw new Error(`refusing to write ${JSON.stringify(path)}`)
  return path
}
