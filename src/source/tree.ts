import { GitwakeError } from '../model/error.ts'
import type { Tree, TreeFile } from '../model/tree.ts'
import { corrupt, type GitObject, type Objects } from './objects.ts'
import { parseTree, type TreeEntry } from './tree-object.ts'

/** What one sync may read of a repository. */
export interface TreeLimits {
  readonly fileBytes: number
  /** Of one `read`. */
  readonly totalBytes: number
  /** Files and folders of one `list`. */
  readonly entries: number
}

/** What was read of trees before: shared by all commits of a repository, because equal ids are equal objects. */
export interface TreeMemory {
  readonly trees: Map<string, readonly TreeEntry[]>
  readonly sizes: Map<string, number>
}

type Skipped = { readonly path: string; readonly why: string }
interface Folder {
  readonly path: string
  readonly oid: string
}

const maximumTreeBytes = 64 * 1024 * 1024
const maximumRemembered = 200_000
const lfsPointer = 'version https://git-lfs.github.com/spec/v1'

/** Opens the tree of one commit. Every object is verified against its id before anything of it is returned. */
export function openTree(options: {
  readonly repository: string
  readonly revision: string
  readonly rootOid: string
  readonly objects: Objects
  readonly memory: TreeMemory
  readonly limits: TreeLimits
}): Tree {
  const { repository, revision, objects, memory, limits } = options

  async function entriesOf(oids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, readonly TreeEntry[]>> {
    const known = new Map(oids.map((oid) => [oid, memory.trees.get(oid)]))
    const unknown = [...known].flatMap(([oid, entries]) => (entries === undefined ? [oid] : []))
    const read = await objects.read(unknown, maximumTreeBytes, signal)
    const fresh = unknown.map((oid, index) => [oid, decoded(oid, read[index])] as const)
    if (memory.trees.size + memory.sizes.size > maximumRemembered) forget(memory)
    for (const [oid, entries] of fresh) memory.trees.set(oid, entries)
    return new Map([...known].flatMap(([oid, entries]) => (entries === undefined ? [] : [[oid, entries] as const])).concat(fresh))
  }

  async function lookUp(path: string, signal: AbortSignal): Promise<{ readonly entry: TreeEntry; readonly path: string } | undefined> {
    const parts = path.split('/').filter((part) => part !== '' && part !== '.')
    let found: TreeEntry = { name: '', shown: '', kind: 'tree', oid: options.rootOid }
    for (const [index, part] of parts.entries()) {
      // The entry where the way ends: a link is told by its own path, not by what would be behind it.
      if (found.kind !== 'tree')
        return found.kind === 'file' || found.kind === 'executable' ? undefined : { entry: found, path: parts.slice(0, index).join('/') }
      const next = (await entriesOf([found.oid], signal)).get(found.oid)?.find(({ name }) => name === part)
      if (next === undefined) return undefined
      found = next
    }
    return { entry: found, path: parts.join('/') }
  }

  async function list(path: string, signal: AbortSignal): ReturnType<Tree['list']> {
    const start = await lookUp(path, signal)
    if (start === undefined) return { files: [], skipped: [] }
    const found: { readonly path: string; readonly entry: TreeEntry }[] = []
    const skipped: Skipped[] = []
    let folders: readonly Folder[] = []
    let count = 0

    const sort = (at: string, entry: TreeEntry): readonly Folder[] => {
      count += 1
      if (count > limits.entries) throw tooMany(path, limits.entries)
      const why = reasonToSkip(entry)
      if (why !== undefined) skipped.push({ path: at, why })
      else if (entry.kind === 'tree') return [{ path: at, oid: entry.oid }]
      else found.push({ path: at, entry })
      return []
    }

    folders = sort(start.path, start.entry)
    while (folders.length > 0) {
      const level = await entriesOf([...new Set(folders.map(({ oid }) => oid))], signal)
      folders = folders.flatMap((folder) =>
        (level.get(folder.oid) ?? []).flatMap((entry) => sort(folder.path === '' ? entry.shown : `${folder.path}/${entry.shown}`, entry)),
      )
    }
    const sizes = await sizesOf([...new Set(found.map(({ entry }) => entry.oid))], signal)
    const files = found.map(({ path: at, entry }) => ({
      path: at,
      oid: entry.oid,
      size: sizes.get(entry.oid) ?? 0,
      executable: entry.kind === 'executable',
    }))
    return { files: files.sort(byPath), skipped: skipped.sort(byPath) }
  }

  async function sizesOf(oids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, number | undefined>> {
    const sizes = new Map(oids.map((oid) => [oid, memory.sizes.get(oid)]))
    const unknown = oids.filter((oid) => sizes.get(oid) === undefined)
    const infos = await objects.info(unknown, signal)
    for (const [index, oid] of unknown.entries()) {
      const info = infos[index]
      if (info === undefined || info.type !== 'blob') throw corrupt(`file ${oid} is missing`)
      sizes.set(oid, info.size)
      memory.sizes.set(oid, info.size)
    }
    return sizes
  }

  async function read(files: readonly TreeFile[], signal: AbortSignal): Promise<readonly Buffer[]> {
    for (const file of files) if (file.size > limits.fileBytes) throw tooLarge(repository, file.path, file.size, limits.fileBytes)
    const distinct = [...new Map(files.map((file) => [file.oid, file])).values()]
    const total = distinct.reduce((sum, { size }) => sum + size, 0)
    if (total > limits.totalBytes) throw tooLarge(repository, `${files.length} files together`, total, limits.totalBytes)
    const blobs = await objects.read(
      distinct.map(({ oid }) => oid),
      limits.totalBytes,
      signal,
    )
    const contents = new Map(distinct.map((file, index) => [file.oid, contentOf(file, blobs[index])]))
    return files.map(({ oid }) => contents.get(oid) ?? Buffer.alloc(0))
  }

  function contentOf(file: TreeFile, blob: GitObject | undefined): Buffer {
    if (blob === undefined || blob.type !== 'blob') throw corrupt(`${file.path} (${file.oid}) is missing`)
    if (blob.content.length < 1_024 && blob.content.toString('latin1', 0, lfsPointer.length) === lfsPointer)
      throw isPointer(repository, file.path)
    return blob.content
  }

  return {
    revision,
    treeOid: async (path, signal) => {
      const found = await lookUp(path, signal)
      return found?.entry.kind === 'tree' ? found.entry.oid : undefined
    },
    list,
    read,
  }
}

function decoded(oid: string, object: GitObject | undefined): readonly TreeEntry[] {
  if (object === undefined || object.type !== 'tree') throw corrupt(`tree ${oid} is missing`)
  const entries = parseTree(object.content, oid.length / 2)
  if (entries !== undefined) return entries
  throw new GitwakeError('objects-refused', `tree ${oid} holds a malformed or dangerous name`, {
    fix: 'Run git fsck in the repository and replace the objects it names.',
  })
}

function reasonToSkip({ name, kind }: TreeEntry): string | undefined {
  if (name === undefined) return 'its name is not UTF-8'
  if (kind === 'symlink') return 'it is a symbolic link; links are not followed'
  if (kind === 'submodule') return 'it is a submodule; submodules are not fetched'
  return kind === 'unknown' ? 'it is neither a file nor a folder' : undefined
}

function forget({ trees, sizes }: TreeMemory): void {
  trees.clear()
  sizes.clear()
}

function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0
}

function tooMany(path: string, limit: number): GitwakeError {
  return new GitwakeError('too-many-files', `${path === '' ? 'the repository' : path} holds more than ${limit} files and folders`, {
    fix: 'Point the application at a smaller folder.',
  })
}

function tooLarge(repository: string, what: string, bytes: number, limit: number): GitwakeError {
  return new GitwakeError('file-too-large', `repository ${repository}: ${what}: ${bytes} bytes; the limit is ${limit}`, {
    fix: 'Keep large files out of the path that the application renders, or name them in .gitwakeignore.',
  })
}

function isPointer(repository: string, path: string): GitwakeError {
  return new GitwakeError('lfs-pointer', `repository ${repository}: ${path} is a Git LFS pointer, not the file itself`, {
    fix: 'Store the file in Git itself, or name it in .gitwakeignore.',
  })
}
