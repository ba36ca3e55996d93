import { GitwakeError } from '../model/error.ts'
import type { Json } from '../model/json.ts'
import type { Tree, TreeFile } from '../model/tree.ts'
import { decodeText, readDocuments } from './documents.ts'
import {
  isKustomization,
  KUSTOMIZATION_NAMES,
  pluginReferences,
  PLUGIN_FIELDS,
  readKustomization,
  referencesOf,
  type Reference,
} from './kustomization.ts'
import type { RenderLimits } from './limits.ts'
import { createLookup } from './lookup.ts'
import { directoryOf, displayDirectory, join, nameOf, resolvePath } from './paths.ts'

/** What a build reads: the files, and every path whose coming or going would change that (a folder stands for all below it). */
export interface Closure {
  readonly files: readonly TreeFile[]
  readonly reads: readonly string[]
}

/**
 * Every file that a kustomize build of a directory reads: its kustomization and, generically, whatever a text in it names, through bases,
 * components and the files of generators. A file too many costs a render too many; a file too few fails the build. Throws GitwakeError for
 * remote entries, for entries that leave the repository and for those that are no regular files of it.
 */
export async function kustomizeClosure(tree: Tree, path: string, limits: RenderLimits, signal: AbortSignal): Promise<Closure> {
  const lookup = createLookup(tree, signal)
  const files = new Map<string, TreeFile>()
  const reads = new Set<string>()
  const visited = new Set<string>()
  const pending: { readonly directory: string; readonly isPlugin: boolean }[] = [{ directory: path, isPlugin: false }]

  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const mark = `${next.isPlugin ? 'plugin' : 'plain'} ${next.directory}`
    if (visited.has(mark)) continue
    visited.add(mark)
    if (files.size > limits.files) break
    await visitDirectory(next.directory, next.isPlugin)
  }
  return { files: [...files.values()], reads: [...reads] }

  async function visitDirectory(directory: string, isPlugin: boolean): Promise<void> {
    const below = await lookup.filesBelow(directory)
    for (const name of KUSTOMIZATION_NAMES) reads.add(join(directory, name))
    const [kustomization, second] = below.filter((file) => directoryOf(file.path) === directory && isKustomization(nameOf(file.path)))
    if (kustomization === undefined) {
      reads.add(directory)
      for (const file of below) files.set(file.path, file)
      return
    }
    if (second !== undefined) {
      const message = `${displayDirectory(directory)} holds both ${nameOf(kustomization.path)} and ${nameOf(second.path)}`
      throw new GitwakeError('kustomization-invalid', message, { fix: 'Keep one of them.' })
    }
    files.set(kustomization.path, kustomization)
    const content = readKustomization(kustomization.path, await read(kustomization), limits)
    for (const reference of referencesOf(content)) await follow(reference, kustomization.path, isPlugin)
  }

  async function follow(reference: Reference, from: string, isPlugin: boolean): Promise<void> {
    const plugin = PLUGIN_FIELDS.has(reference.field) || (isPlugin && reference.field === 'resources')
    if (!isOneLine(reference.text)) {
      if (plugin) await followPlugin(reference.text, reference.field, from)
      return
    }
    const isInline = reference.text.startsWith('{')
    if (reference.use !== 'text' && !isInline) refuseRemote(reference, from)
    const found = await findFirst(reference.text, directoryOf(from), reference.use !== 'text')
    if (found === undefined) {
      if (reference.use === 'path' && !isInline) throw missing(reference, from)
      return
    }
    if (found.kind === 'directory') {
      if (reference.use !== 'text') pending.push({ directory: found.path, isPlugin: plugin })
    } else if (found.kind === 'skipped') {
      if (reference.use === 'path') throw notRegular(reference, from, found.why)
    } else if (!files.has(found.path) || plugin) {
      files.set(found.path, found.file)
      if (plugin) await followPlugin(decodeLossy(await read(found.file)), reference.field, from)
    }
  }

  /** What does not parse here is left for kustomize to refuse. */
  async function followPlugin(text: string, field: string, from: string): Promise<void> {
    for (const document of readDocuments('plugin.yaml', text, limits)) {
      const value: Json = document.error === undefined ? document.value : null
      for (const reference of pluginReferences(value, field)) {
        if (isOneLine(reference.text) && reference.use === 'load') await follow({ ...reference, field: 'files' }, from, false)
      }
    }
  }

  /** `name=path` is how generators rename a file. */
  async function findFirst(text: string, directory: string, isBuilt: boolean) {
    for (const candidate of [text, text.slice(text.indexOf('=') + 1)]) {
      if (candidate.startsWith('/') || candidate === '') continue
      const path = resolvePath(directory, candidate)
      if (path === undefined) continue
      const found = await lookup.find(path)
      // Of a folder that is built as well, only its own kustomization and what that names are read.
      if (found.kind !== 'directory' || !isBuilt) reads.add(path)
      if (found.kind !== 'missing') return { ...found, path }
    }
    return undefined
  }

  async function read(file: TreeFile): Promise<Buffer> {
    if (file.size > limits.fileBytes) {
      throw new GitwakeError('file-too-large', `${file.path} is too large for a kustomization`, {
        fix: 'Split the file.',
      })
    }
    const [content] = await tree.read([file], signal)
    return content ?? Buffer.alloc(0)
  }
}

function isOneLine(text: string): boolean {
  return text.length < 4096 && !/[\n\r\0]/.test(text)
}

/** A text that is no UTF-8 is no plugin configuration that kustomize could read. */
function decodeLossy(content: Uint8Array): string {
  try {
    return decodeText(content)
  } catch {
    return ''
  }
}

const URL_SCHEME = /^(?:[\w-]+=)?(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/|git::|gh:|[\w.-]+@[\w.-]+:|(?:github|gitlab|bitbucket)\.(?:com|org)[/:])/
const QUERY = /\?(?:.*&)?(?:ref|version|timeout|submodules)=/

function refuseRemote({ text, field }: Reference, from: string): void {
  if (!URL_SCHEME.test(text) && !QUERY.test(text)) return
  const shown = text.replace(/\/\/[^/@]*@/, '//')
  const message = `${from}: ${field} names ${shown}, which is not part of this repository`
  throw new GitwakeError('remote-base-refused', message, {
    fix: 'Copy it into the repository, so that the commit alone says what is applied.',
    origin: { file: from, document: 1 },
  })
}

function notRegular({ text, field }: Reference, from: string, why: string): GitwakeError {
  const message = `${from}: ${field} names ${text.slice(0, 200)}, which is no regular file: ${why}`
  return new GitwakeError('kustomize-file-missing', message, {
    fix: 'Name the file that it points to: only regular files and directories are read.',
    origin: { file: from, document: 1 },
  })
}

function missing({ text, field }: Reference, from: string): GitwakeError {
  const leaves = text.startsWith('/') || resolvePath(directoryOf(from), text) === undefined
  const message = `${from}: ${field} names ${text.slice(0, 200)}, which ${leaves ? 'lies outside of the repository' : 'is not in the commit'}`
  return new GitwakeError('kustomize-file-missing', message, {
    fix: leaves ? 'Name only files of this repository.' : 'Add the file, or remove the entry.',
    origin: { file: from, document: 1 },
  })
}
