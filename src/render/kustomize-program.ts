import { constants } from 'node:fs'
import { access, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { GitwakeError } from '../model/error.ts'
import { runChild } from './child.ts'

/** The program that builds kustomizations. */
export interface KustomizeProgram {
  readonly path: string
  /** Before the directory. */
  readonly arguments: readonly string[]
  /** What it says of itself: part of every digest of inputs, because another version may build other objects. */
  readonly version: string
}

const USUAL_PATH = '/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin'

/** Finds kustomize once: the configured one, else `kustomize` on the search path, else `kubectl kustomize`. Throws `kustomize-not-found`. */
export async function findKustomize(
  options: { readonly kustomizePath: string | undefined; readonly searchPath: string | undefined },
  signal: AbortSignal,
): Promise<KustomizeProgram> {
  const { kustomizePath } = options
  if (kustomizePath !== undefined) {
    if (await isProgram(kustomizePath)) return identify(await realpath(kustomizePath), ['build'], ['version'], signal)
    throw notFound(`kustomize is not at ${kustomizePath}`)
  }
  const directories = (options.searchPath ?? USUAL_PATH).split(':').filter((directory) => directory.startsWith('/'))
  for (const [name, build, version] of [
    ['kustomize', ['build'], ['version']],
    ['kubectl', ['kustomize'], ['version', '--client']],
  ] as const) {
    for (const directory of directories) {
      const path = join(directory, name)
      if (await isProgram(path)) return identify(await realpath(path), build, version, signal)
    }
  }
  throw notFound('there is no kustomize (and no kubectl) on the PATH')
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

async function identify(
  path: string,
  build: readonly string[],
  version: readonly string[],
  signal: AbortSignal,
): Promise<KustomizeProgram> {
  const limits = { timeoutMs: 30_000, memoryBytes: 4 * 1024 ** 3, outputBytes: 64 * 1024 }
  const result = await runChild(
    {
      program: path,
      arguments: version,
      directory: '/',
      environment: { HOME: '/nonexistent' },
      ...limits,
    },
    signal,
  )
  if (result.kind !== 'exited' || result.code !== 0) {
    const said = result.kind === 'exited' ? result.stderr.trim().slice(0, 500) : result.kind
    throw notFound(`${path} does not run (${said})`)
  }
  return {
    path,
    arguments: build,
    version: `${build[0]} ${result.stdout.toString('utf8').trim()}`,
  }
}

function notFound(message: string): GitwakeError {
  return new GitwakeError('kustomize-not-found', message, {
    fix: 'Install kustomize on the machine that runs the worker, or set GITWAKE_KUSTOMIZE to its path.',
    retryable: true,
  })
}
