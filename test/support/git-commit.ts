import { committer, git } from './git-command.ts'

/** A file's content; with a mode for links (120000), executables (100755) and submodules (160000, content: a SHA). */
export type FileContent =
  | string
  | Uint8Array
  | { readonly mode: '100644' | '100755' | '120000' | '160000'; readonly content: string | Uint8Array }

/** Path → content, or null for a file that goes. */
export type Changes = Readonly<Record<string, FileContent | null>>

/** One commit for git fast-import: a single process, however many files. */
export function commitStream(ref: string, parent: string | null, message: string, changes: Changes): Buffer {
  const parts: Uint8Array[] = [header(ref, parent, message)]
  for (const [path, file] of Object.entries(changes)) {
    if (file === null) {
      parts.push(text(`D ${quoted(path)}\n`))
      continue
    }
    const { mode, content } = typeof file === 'string' || file instanceof Uint8Array ? { mode: '100644', content: file } : file
    if (mode === '160000') {
      parts.push(text(`M ${mode} ${String(content)} ${quoted(path)}\n`))
      continue
    }
    const bytes = typeof content === 'string' ? text(content) : content
    parts.push(text(`M ${mode} inline ${quoted(path)}\ndata ${bytes.length}\n`), bytes, text('\n'))
  }
  parts.push(text('done\n'))
  return Buffer.concat(parts)
}

/** The commit that undoes another one. Refuses, as git revert would, where a later commit changed the same file. */
export async function revertStream(folder: string, ref: string, head: string | null, revision: string | null): Promise<Buffer> {
  if (head === null || revision === null) throw new Error(`${ref} has no commits to revert.`)
  const subject = (await git(folder, ['log', '-1', '--format=%s', revision])).trim()
  const fields = (await git(folder, ['diff-tree', '-r', '-z', '--no-renames', revision, `${revision}^`])).split('\0')
  const lines: string[] = []
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [, mode = '', after = '', before = '', status = ''] = (fields[index] ?? '').split(' ')
    const path = fields[index + 1] ?? ''
    const [, , present = '0'.repeat(after.length)] = (await git(folder, ['ls-tree', '-z', head, '--', path])).split(/[ \t]/)
    if (present !== after) throw new Error(`${path} has changed since ${revision}: revert the later commits first.`)
    lines.push(status === 'D' ? `D ${quoted(path)}\n` : `M ${mode} ${before} ${quoted(path)}\n`)
  }
  const message = `Revert "${subject}"\n\nThis reverts commit ${revision}.\n`
  return Buffer.concat([header(ref, head, message), text(lines.join('')), text('done\n')])
}

function header(ref: string, parent: string | null, message: string): Uint8Array {
  const body = text(message)
  const from = parent === null ? '' : `from ${parent}\n`
  return Buffer.concat([
    text(`${parent === null ? `reset ${ref}\n\n` : ''}commit ${ref}\n${committer}\ndata ${body.length}\n`),
    body,
    text(`\n${from}`),
  ])
}

function text(value: string): Uint8Array {
  return Buffer.from(value, 'utf8')
}

/** Always quoted: a path may hold anything, line breaks included. */
function quoted(path: string): string {
  return `"${path.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
}
