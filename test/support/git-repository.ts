import { appendFile, mkdir } from 'node:fs/promises'
import { commitStream, revertStream, type Changes } from './git-commit.ts'
import { git } from './git-command.ts'

/** A ref that moved. A missing side is 40 (SHA-256: 64) zeros, as in webhooks. */
export interface RefUpdate {
  readonly repository: string
  /** refs/heads/… or refs/tags/… */
  readonly ref: string
  readonly before: string
  readonly after: string
}

/** A bare repository and what a team does to it; each call is one commit or one moved ref, as after a push. */
export interface Repository {
  readonly name: string
  /** Of the bare repository. */
  readonly folder: string
  /** Adds, replaces and (with null) removes files on top of a branch; makes the branch where it is missing. Returns the commit's SHA. */
  commit(changes: Changes, options?: CommitOptions): Promise<string>
  /** Undoes one commit's changes by a new one, the head's if none is named. */
  revert(revision?: string, branch?: string): Promise<string>
  /** Replaces a branch's history by one new commit with these files. */
  forcePush(files: Changes, options?: CommitOptions): Promise<string>
  /** Points a ref anywhere: a rewind, a tag (refs/tags/…), another branch. */
  setRef(ref: string, revision: string): Promise<void>
  deleteRef(ref: string): Promise<void>
  /** A branch's head SHA. */
  head(branch?: string): Promise<string>
  /** Any git command in the bare repository, for what is not above. */
  git(args: readonly string[], input?: string | Buffer): Promise<string>
}

export interface CommitOptions {
  readonly message?: string
  /** Default main. */
  readonly branch?: string
}

// What hosting services allow their clients: partial and shallow clones, and any commit by its SHA.
const CONFIG = `[uploadpack]
	allowFilter = true
	allowAnySHA1InWant = true
[http]
	receivepack = true
[gc]
	auto = 0
[receive]
	denyDeleteCurrent = ignore
`

/** Makes an empty bare repository; moved() is told of every ref that the methods move. */
export async function createRepository(
  folder: string,
  name: string,
  objectFormat: 'sha1' | 'sha256',
  moved: (update: RefUpdate) => void,
): Promise<Repository> {
  await mkdir(folder, { recursive: true })
  await git(folder, ['init', '--quiet', '--bare', '--template=', '--initial-branch=main', `--object-format=${objectFormat}`, '.'])
  await appendFile(`${folder}/config`, CONFIG)
  const nothing = '0'.repeat(objectFormat === 'sha1' ? 40 : 64)

  const find = async (ref: string): Promise<string> =>
    (await git(folder, ['for-each-ref', '--format=%(objectname)', ref])).trim() || nothing
  // One after the other: two commits at once would both build on the same head.
  let last: Promise<unknown> = Promise.resolve()
  const moving = (ref: string, move: (before: string | null) => Promise<unknown>): Promise<string> => {
    const turn = last.then(async () => {
      const before = await find(ref)
      await move(before === nothing ? null : before)
      const after = await find(ref)
      if (after !== before) moved({ repository: name, ref, before, after })
      return after
    })
    last = turn.catch(() => undefined)
    return turn
  }
  const importing = (branch: string, stream: (before: string | null) => Promise<Buffer> | Buffer): Promise<string> =>
    moving(`refs/heads/${branch}`, async (before) =>
      git(folder, ['fast-import', '--quiet', '--force', '--done', '--date-format=now'], await stream(before)),
    )

  const repository: Repository = {
    name,
    folder,
    commit: (changes, { message = 'Change', branch = 'main' } = {}) =>
      importing(branch, (before) => commitStream(`refs/heads/${branch}`, before, message, changes)),
    revert: (revision, branch = 'main') =>
      importing(branch, (before) => revertStream(folder, `refs/heads/${branch}`, before, revision ?? before)),
    forcePush: (files, { message = 'Start anew', branch = 'main' } = {}) =>
      importing(branch, () => commitStream(`refs/heads/${branch}`, null, message, files)),
    setRef: async (ref, revision) => void (await moving(ref, () => git(folder, ['update-ref', ref, revision]))),
    deleteRef: async (ref) => void (await moving(ref, () => git(folder, ['update-ref', '-d', ref]))),
    head: async (branch = 'main') =>
      (await git(folder, ['rev-parse', '--verify', '--end-of-options', `refs/heads/${branch}^{commit}`])).trim(),
    git: (args, input) => git(folder, args, input),
  }
  return repository
}
