import type { Tree, TreeFile } from '../model/tree.ts'
import { directoryOf, isBelow, join } from './paths.ts'

/** What a path of a tree is. */
export type Found =
  | { readonly kind: 'file'; readonly file: TreeFile }
  | { readonly kind: 'directory' }
  | { readonly kind: 'skipped'; readonly why: string }
  | { readonly kind: 'missing' }

/** Answers questions about single paths by listing whole directories, each once: overlays ask for a base, not for the repository. */
export interface Lookup {
  find(path: string): Promise<Found>
  /** Every regular file below a directory. */
  filesBelow(directory: string): Promise<readonly TreeFile[]>
}

export function createLookup(tree: Tree, signal: AbortSignal): Lookup {
  const listed: string[] = []
  const known = new Map<string, Found>()

  async function list(directory: string): Promise<void> {
    const { files, skipped } = await tree.list(directory, signal)
    listed.push(directory)
    known.set(directory, { kind: 'directory' })
    for (const file of files) {
      known.set(file.path, { kind: 'file', file })
      for (let parent = directoryOf(file.path); !known.has(parent); parent = directoryOf(parent)) known.set(parent, { kind: 'directory' })
    }
    for (const { path, why } of skipped) known.set(path, { kind: 'skipped', why })
  }

  async function ensureListed(path: string): Promise<void> {
    if (listed.some((directory) => isBelow(path, directory))) return
    if ((await tree.treeOid(path, signal)) !== undefined) return list(path)
    const parent = directoryOf(path)
    if ((await tree.treeOid(parent, signal)) !== undefined) await list(parent)
    else known.set(path, { kind: 'missing' })
  }

  return {
    async find(path) {
      await ensureListed(path)
      return known.get(path) ?? { kind: 'missing' }
    },
    async filesBelow(directory) {
      await ensureListed(directory)
      const prefix = join(directory, '')
      return [...known.values()].flatMap((found) => (found.kind === 'file' && found.file.path.startsWith(prefix) ? [found.file] : []))
    },
  }
}
