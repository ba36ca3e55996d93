import type { RenderedObject } from './object.ts'

/** A regular file of a commit (modes 100644 and 100755). Links, submodules and other modes are listed apart. */
export interface TreeFile {
  /** From the repository's root, '/'-separated. */
  readonly path: string
  /** Git object id of the blob. */
  readonly oid: string
  readonly size: number
  readonly executable: boolean
}

/** One commit's files, read from Git objects: nothing is ever checked out. */
export interface Tree {
  readonly revision: string
  /** Git object id of the tree at a path ('' is the root); undefined where there is none, or a file. */
  treeOid(path: string, signal: AbortSignal): Promise<string | undefined>
  /** Every regular file below a path, sorted by path; `skipped` names what is not a regular file (symlink, submodule). */
  list(
    path: string,
    signal: AbortSignal,
  ): Promise<{ readonly files: readonly TreeFile[]; readonly skipped: readonly { readonly path: string; readonly why: string }[] }>
  /** Contents of files, in the order asked for. Throws `file-too-large` beyond the configured limits. */
  read(files: readonly TreeFile[], signal: AbortSignal): Promise<readonly Buffer[]>
}

/** What a render will read, known before it runs: equal digests mean equal objects. */
export interface RenderInputs {
  /** sha256 over renderer, renderer version, options and (path, oid) of every file. */
  readonly digest: string
  readonly renderer: 'plain' | 'kustomize'
  /** The application's path. */
  readonly path: string
  readonly files: readonly TreeFile[]
  /**
   * Every path that could change the outcome, files that were looked for and are absent included; a folder stands for all below it. As long
   * as nothing of it changes, the digest stays.
   */
  readonly reads: readonly string[]
}

export interface Rendering {
  readonly objects: readonly RenderedObject[]
  /** sha256 over the canonical JSON of the objects. */
  readonly digest: string
  readonly warnings: readonly string[]
}
