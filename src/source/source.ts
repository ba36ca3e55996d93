import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { linkSignals } from '../model/abort.ts'
import type { Repository, SecretReference } from '../model/configuration.ts'
import { GitwakeError } from '../model/error.ts'
import { isVersionSelector, newestTag } from '../model/version-range.ts'
import { createResolve, type Resolve } from '../outgoing/resolve.ts'
import type { Source } from '../sync/ports.ts'
import { createCache, prepareRoot, removeAbandoned } from './cache.ts'
import { bareEnvironment, cacheName, type Machine } from './environment.ts'
import { createLimiter } from './limiter.ts'
import { createRemote, type Remote } from './remote.ts'
import { createCachedRepository, type CachedRepository } from './repository.ts'
import { checkUrl, type RemoteUrl } from './url.ts'

/** What one sync, one fetch and one cache may take. */
export interface SourceLimits {
  /** Largest file that is read. */
  readonly fileBytes: number
  /** Largest sum of files read together. */
  readonly totalBytes: number
  /** Most files and folders below one path. */
  readonly entries: number
  /** Most that one fetch may write. */
  readonly fetchBytes: number
  /** A larger cache is replaced by a fresh one. */
  readonly cacheBytes: number
}

export interface SourceOptions {
  /** Created where missing; must belong to gitwake alone. May be shared with other processes. */
  readonly cacheDir: string
  readonly resolveSecret: (reference: SecretReference) => Promise<string>
  readonly limits?: Partial<SourceLimits>
  readonly timeouts?: { readonly fetchMs?: number; readonly listMs?: number }
  /** How many runs of git reach for remotes at once, in total and to one host. */
  readonly concurrency?: { readonly total?: number; readonly perHost?: number }
  /** Where git and ssh are looked for; nothing else of our environment reaches them. */
  readonly path?: string
  /** PEM file of certificate authorities for https, instead of the system's. */
  readonly caFile?: string
  /** Where the names of hosts lead; the system's answer where it is missing. */
  readonly resolve?: Resolve
}

const defaultLimits: SourceLimits = {
  fileBytes: 10 * 1024 * 1024,
  totalBytes: 256 * 1024 * 1024,
  entries: 100_000,
  fetchBytes: 2 * 1024 * 1024 * 1024,
  cacheBytes: 4 * 1024 * 1024 * 1024,
}
const cleanEveryMs = 10 * 60 * 1_000
const defaultPath = '/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin'

/** Git as a sync needs it, with one bare cache per repository. `close` ends every git it started. */
export function createSource(options: SourceOptions): Source & { close(): Promise<void> } {
  const limits = { ...defaultLimits, ...options.limits }
  const timeouts = { fetchMs: options.timeouts?.fetchMs ?? 120_000, listMs: options.timeouts?.listMs ?? 30_000 }
  const limiter = createLimiter(options.concurrency?.total ?? 32, options.concurrency?.perHost ?? 8)
  const machine: Machine = { path: options.path ?? defaultPath, caFile: options.caFile, resolve: options.resolve ?? createResolve() }
  const repositories = new Map<string, CachedRepository>()
  const closing = new AbortController()
  const running = new Set<Promise<unknown>>()
  const cleaning = setInterval(() => void clean(), cleanEveryMs)
  cleaning.unref()
  void clean()

  /** What cannot be removed now is tried again later; nothing depends on it. */
  function clean(): Promise<void> {
    return removeAbandoned(options.cacheDir, Date.now()).catch(() => {})
  }

  function remoteOf(repository: Repository): { readonly url: RemoteUrl; readonly remote: Remote } {
    const url = checkUrl(repository.url, repository)
    const { resolveSecret } = options
    return { url, remote: createRemote({ repository, remote: url, machine, timeouts, fetchBytes: limits.fetchBytes, resolveSecret }) }
  }

  function repositoryOf(repository: Repository): CachedRepository {
    const name = cacheName(repository)
    const known = repositories.get(name)
    if (known !== undefined) return known
    const { url, remote } = remoteOf(repository)
    const cache = createCache(options.cacheDir, name, machine)
    const environment = bareEnvironment(machine)
    const created = createCachedRepository({ name: repository.name, host: url.host, cache, remote, limiter, limits, environment })
    repositories.set(name, created)
    return created
  }

  function lookAt<Result>(repository: Repository, signal: AbortSignal, look: (remote: Remote) => Promise<Result>): Promise<Result> {
    const { url, remote } = remoteOf(repository)
    return limiter.run(url.host, signal, async () => {
      await prepareRoot(options.cacheDir)
      return look(remote)
    })
  }

  function tagsOf(repository: Repository, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    return lookAt(repository, signal, (remote) => remote.tags(options.cacheDir, signal))
  }

  /** What a range of versions stands for at the moment. */
  async function plainRef(repository: Repository, ref: string, signal: AbortSignal): Promise<string> {
    if (!isVersionSelector(ref)) return ref
    const tag = newestTag(ref, (await tagsOf(repository, signal)).keys())
    if (tag !== undefined) return tag
    throw new GitwakeError('ref-not-found', `repository ${repository.name} has no tag in the range ${ref}`, {
      fix: 'Push a tag such as v1.2.3, or correct the range in spec.source.ref; a pre-release counts only where the range names one.',
    })
  }

  /** Work that `close` ends and waits for. */
  async function tracked<Result>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const either = linkSignals(signal, closing.signal)
    try {
      either.signal.throwIfAborted()
      const promise = work(either.signal)
      running.add(promise)
      return await promise.finally(() => running.delete(promise))
    } finally {
      either.release()
    }
  }

  return {
    fetch: (repository, ref, signal) =>
      tracked(signal, async (either) => repositoryOf(repository).fetch(await plainRef(repository, ref, either), either)),
    heads: (repository, refs, signal) =>
      tracked(signal, async (either) => {
        const plain = refs.filter((ref) => !isVersionSelector(ref))
        const selectors = refs.filter(isVersionSelector)
        const heads =
          plain.length === 0
            ? new Map<string, string>()
            : await lookAt(repository, either, (remote) => remote.list(options.cacheDir, plain, either))
        const tags = selectors.length === 0 ? new Map<string, string>() : await tagsOf(repository, either)
        const chosen = selectors.flatMap((selector) => {
          const head = tags.get(newestTag(selector, tags.keys()) ?? '')
          return head === undefined ? [] : [[selector, head] as const]
        })
        return new Map([...heads, ...chosen])
      }),
    refAt: (repository, revision, signal) =>
      tracked(signal, (either) => lookAt(repository, either, (remote) => remote.refAt(options.cacheDir, revision, either))),
    between: (repository, ref, range, signal) =>
      tracked(signal, async (either) => {
        const plain = await plainRef(repository, ref, either)
        return await lookAt(repository, either, async (remote) => {
          const scratch = await mkdtemp(join(options.cacheDir, 'new-history-'))
          try {
            return await remote.between(scratch, plain, range, either)
          } finally {
            await rm(scratch, { recursive: true, force: true })
          }
        })
      }),
    commit: (repository, revision, signal) =>
      tracked(signal, async (either) => {
        const cached = repositoryOf(repository)
        return (await cached.open(revision, either)) ?? (await cached.fetch(revision, either))
      }),
    open: (repository, revision, signal) => tracked(signal, (either) => repositoryOf(repository).open(revision, either)),
    close: async () => {
      clearInterval(cleaning)
      closing.abort(new Error('the source is closed'))
      await Promise.allSettled(running)
      await Promise.all([...repositories.values()].map((repository) => repository.close()))
    },
  }
}
