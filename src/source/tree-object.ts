import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'

/** One entry of a Git tree object. `name` is undefined where its bytes are not UTF-8; `shown` can always be printed. */
export interface TreeEntry {
  readonly name: string | undefined
  readonly shown: string
  readonly kind: 'tree' | 'file' | 'executable' | 'symlink' | 'submodule' | 'unknown'
  readonly oid: string
}

/** Decodes a tree object. Returns undefined for bytes that are none, and for names that lead out of the tree (`..`, `a/b`, `.git`). */
export function parseTree(content: Buffer, oidBytes: number): readonly TreeEntry[] | undefined {
  const entries: TreeEntry[] = []
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(0x20, at)
    const end = content.indexOf(0, space)
    if (space < 0 || end < 0 || end + 1 + oidBytes > content.length) return undefined
    const bytes = content.subarray(space + 1, end)
    const name = isUtf8(bytes) ? bytes.toString('utf8') : undefined
    const shown = name ?? bytes.toString('latin1')
    if (shown === '' || shown === '.' || shown === '..' || shown.includes('/') || shown.toLowerCase() === '.git') return undefined
    const mode = Number.parseInt(content.toString('latin1', at, space), 8)
    entries.push({ name, shown, kind: kindOf(mode), oid: content.toString('hex', end + 1, end + 1 + oidBytes) })
    at = end + 1 + oidBytes
  }
  return entries
}

// As git reads modes: by type, and of the permissions only whether the owner may execute.
function kindOf(mode: number): TreeEntry['kind'] {
  switch (mode & 0o170000) {
    case 0o040000:
      return 'tree'
    case 0o100000:
      return (mode & 0o100) === 0 ? 'file' : 'executable'
    case 0o120000:
      return 'symlink'
    case 0o160000:
      return 'submodule'
    default:
      return 'unknown'
  }
}

/** The object id of the tree that a commit object carries. */
export function treeOfCommit(content: Buffer): string | undefined {
  return /^tree ([0-9a-f]{40,64})\n/u.exec(content.toString('latin1', 0, 70))?.[1]
}

/** Whether an object is what its id says. Git checks this when it receives objects, not when it reads them from its cache. */
export function isObject(oid: string, type: string, content: Buffer): boolean {
  const hash = createHash(oid.length === 64 ? 'sha256' : 'sha1')
  return hash.update(`${type} ${content.length}\0`).update(content).digest('hex') === oid
}
