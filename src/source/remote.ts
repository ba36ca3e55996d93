import type { Repository, SecretReference } from '../model/configuration.ts'
import { GitwakeError } from '../model/error.ts'
import { bareEnvironment, openRemoteEnvironment, type Machine, type RemoteEnvironment } from './environment.ts'
import { cleaned, missingRef, remoteFailure, summary } from './failure.ts'
import { runGit } from './git.ts'
import { watchGrowth } from './growth.ts'
import type { ObjectFormat } from './cache.ts'
import { redirectTarget } from './redirect.ts'
import type { RemoteUrl } from './url.ts'

/** How long git may take. */
export interface RemoteTimeouts {
  readonly fetchMs: number
  readonly listMs: number
}

/** The remote of one repository, as git reaches it. */
export interface Remote {
  /**
   * Fetches refs into a cache, each to its local name. Returns the refs that the remote does not have.
   * Throws GitwakeError; `git-failed` where git tells nothing that is known of remotes, so that the cache may be at fault.
   */
  fetch(path: string, refs: ReadonlyMap<string, string>, signal: AbortSignal): Promise<ReadonlySet<string>>
  /** Lists the commits that refs point at; tags are peeled. */
  list(directory: string, refs: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>>
  /** Every tag, with the commit that it points at. */
  tags(directory: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>>
  /**
   * The commits of a ref's history after `from`, up to `to`, newest first; undefined where its newest 1,000 do not contain `from`.
   * `scratch` is a folder for the commits, without trees and files: the cache stays shallow.
   */
  between(
    scratch: string,
    ref: string,
    range: { readonly from: string; readonly to: string },
    signal: AbortSignal,
  ): Promise<readonly string[] | undefined>
  /** The first branch or tag that points at a commit. */
  refAt(directory: string, revision: string, signal: AbortSignal): Promise<string | undefined>
}

/** git's word for a cache that was made for the other object format. */
export class WrongFormat extends Error {
  readonly format: ObjectFormat

  constructor(format: ObjectFormat) {
    super(`the remote uses ${format}`)
    this.format = format
  }
}

/** The remote of a repository whose URL has been judged. Credentials are resolved for each run, so that a rotated one is used at once. */
export function createRemote(options: {
  readonly repository: Repository
  readonly remote: RemoteUrl
  readonly machine: Machine
  readonly timeouts: RemoteTimeouts
  readonly fetchBytes: number
  readonly resolveSecret: (reference: SecretReference) => Promise<string>
}): Remote {
  const { repository, remote, timeouts } = options

  async function withEnvironment<Result>(work: (environment: RemoteEnvironment) => Promise<Result>): Promise<Result> {
    const environment = await openRemoteEnvironment(repository, remote, options.machine, options.resolveSecret)
    try {
      return await work(environment)
    } finally {
      await environment.close()
    }
  }

  async function run(
    directory: string,
    command: readonly string[],
    timeoutMs: number,
    { environment, secrets }: RemoteEnvironment,
    signal: AbortSignal,
  ): Promise<{ readonly stdout: string; readonly missing?: string }> {
    const exit = await runGit({ arguments: command, environment, directory, timeoutMs }, signal)
    if (exit.ok) return { stdout: exit.stdout }
    if (exit.stopped === 'timeout') throw timedOut(repository.name, remote, timeoutMs)
    const stderr = cleaned(exit.stderr, secrets)
    const missing = missingRef(stderr)
    if (missing !== undefined) return { stdout: '', missing }
    const format = /^fatal: mismatched algorithms: client \w+; server (sha1|sha256)$/mu.exec(stderr)?.[1]
    if (format === 'sha1' || format === 'sha256') throw new WrongFormat(format)
    const known = remoteFailure(repository.name, remote.url, stderr)
    throw known === undefined ? failed(repository.name, stderr) : await located(known, signal)
  }

  /** A redirect is told with its target: most often the repository was renamed. */
  async function located(error: GitwakeError, signal: AbortSignal): Promise<GitwakeError> {
    const target = error.code === 'redirect-refused' ? await redirectTarget(remote.url, repository, signal) : undefined
    if (target === undefined) return error
    return new GitwakeError(error.code, `${error.message} (to ${target})`, { fix: `Set spec.url to ${target} if you trust that place.` })
  }

  function listRemote(directory: string, options: readonly string[], patterns: readonly string[], signal: AbortSignal): Promise<string> {
    return withEnvironment(async (environment) => {
      // No repository: whatever surrounds the cache directory is not asked for its configuration.
      const command = ['--git-dir=/dev/null', 'ls-remote', '--quiet', ...options, '--end-of-options', remote.url, ...patterns]
      return (await run(directory, command, timeouts.listMs, environment, signal)).stdout
    })
  }

  return {
    fetch: (path, refs, signal) =>
      withEnvironment(async (environment) => {
        const wanted = new Map(refs)
        const missing = new Set<string>()
        const growth = watchGrowth(path, options.fetchBytes, () => tooLarge(repository.name, options.fetchBytes))
        const either = AbortSignal.any([signal, growth.signal])
        try {
          // git names one missing ref and fetches none: without it, the others still come.
          while (wanted.size > 0) {
            const refspecs = [...wanted].map(([ref, local]) => `+${ref}:${local}`)
            const command = ['--git-dir=.', 'fetch', ...fetchOptions, '--end-of-options', remote.url, ...refspecs]
            const result = await run(path, command, timeouts.fetchMs, environment, either)
            if (result.missing === undefined) return missing
            if (!wanted.delete(result.missing)) throw failed(repository.name, `git misses ${result.missing}, which nobody asked for`)
            missing.add(result.missing)
          }
          return missing
        } finally {
          growth.stop()
        }
      }),

    list: async (directory, refs, signal) => {
      const patterns = refs.flatMap((ref) => (ref.startsWith('refs/tags/') ? [ref, `${ref}^{}`] : [ref]))
      return headsIn(await listRemote(directory, listOptions(refs), patterns, signal), refs)
    },

    tags: async (directory, signal) => {
      const all = refsIn(await listRemote(directory, ['--tags'], [], signal))
      // What an annotated tag points at comes after the tag itself, under the same name with ^{}.
      return new Map(all.map(([oid, name]) => [name.replace(/\^\{\}$/u, ''), oid]))
    },

    between: (scratch, ref, { from, to }, signal) =>
      withEnvironment(async (environment) => {
        const growth = watchGrowth(scratch, options.fetchBytes, () => tooLarge(repository.name, options.fetchBytes))
        const either = AbortSignal.any([signal, growth.signal])
        const local = async (command: readonly string[]): Promise<readonly string[] | undefined> => {
          const exit = await runGit(
            {
              arguments: ['--git-dir=.', ...command],
              environment: bareEnvironment(options.machine),
              directory: scratch,
              timeoutMs: timeouts.listMs,
            },
            either,
          )
          return exit.ok ? exit.stdout.split('\n').filter((line) => line !== '') : undefined
        }
        try {
          await local(['init', '--quiet', '--bare', '--template=', `--object-format=${from.length === 64 ? 'sha256' : 'sha1'}`])
          const command = ['--git-dir=.', 'fetch', ...historyOptions, '--end-of-options', remote.url, `+${ref}:${HISTORY}`]
          const { missing } = await run(scratch, command, timeouts.fetchMs, environment, either)
          const all = missing === undefined ? await local(['rev-list', HISTORY]) : undefined
          if (all?.includes(from) !== true) return undefined
          // What a force push has taken away has no history here.
          return all.includes(to) ? await local(['rev-list', to, `^${from}`]) : []
        } finally {
          growth.stop()
        }
      }),

    refAt: async (directory, revision, signal) => {
      const advertised = refsIn(await listRemote(directory, ['--heads', '--tags'], [], signal))
      return advertised.find(([oid]) => oid === revision)?.[1].replace(/\^\{\}$/u, '')
    },
  }
}

const fetchOptions = ['--quiet', '--depth=1', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules', '--no-show-forced-updates']

const HISTORY = 'refs/gitwake/history'
/** Commits alone, where the host can leave out the rest. */
const historyOptions = [...fetchOptions.map((option) => (option === '--depth=1' ? '--depth=1000' : option)), '--filter=tree:0']

/** Keeps the remote from sending what nobody asked for: hosts hold a ref for every pull request that ever was. */
function listOptions(refs: readonly string[]): readonly string[] {
  const heads = refs.some((ref) => ref.startsWith('refs/heads/'))
  const tags = refs.some((ref) => ref.startsWith('refs/tags/'))
  if (!refs.every((ref) => /^refs\/(?:heads|tags)\//u.test(ref))) return []
  return [...(heads ? ['--heads'] : []), ...(tags ? ['--tags'] : [])]
}

/** Patterns match at the end of names (`x/refs/heads/main` too): only exact names count. What a tag points at replaces the tag. */
function headsIn(stdout: string, refs: readonly string[]): ReadonlyMap<string, string> {
  const all = new Map(refsIn(stdout).map(([oid, name]) => [name, oid]))
  return new Map(
    refs.flatMap((ref) => {
      const oid = all.get(`${ref}^{}`) ?? all.get(ref)
      return oid === undefined ? [] : [[ref, oid] as const]
    }),
  )
}

function refsIn(stdout: string): readonly (readonly [oid: string, name: string])[] {
  const lines = stdout.split('\n').map((line) => /^([0-9a-f]{40,64})\t(.+)$/u.exec(line) ?? [])
  return lines.flatMap(([, oid, name]) => (oid === undefined || name === undefined ? [] : [[oid, name] as const]))
}

function timedOut(repository: string, remote: RemoteUrl, timeoutMs: number): GitwakeError {
  return new GitwakeError('git-timeout', `repository ${repository}: ${remote.url} gave no complete answer within ${timeoutMs / 1_000} s`, {
    retryable: true,
    fix: 'Check the host and the network between; gitwake tries again.',
  })
}

function tooLarge(repository: string, limit: number): GitwakeError {
  return new GitwakeError('repository-too-large', `repository ${repository}: one commit of it is larger than ${limit} bytes`, {
    fix: 'Keep manifests in a repository of their own.',
  })
}

function failed(repository: string, stderr: string): GitwakeError {
  return new GitwakeError('git-failed', `repository ${repository}: git failed: ${summary(stderr)}`, {
    retryable: true,
    fix: 'gitwake tries again with a new cache; if that goes on, try git fetch by hand from this machine.',
  })
}
