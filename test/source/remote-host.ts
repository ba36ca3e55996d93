import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Repository } from '../../src/model/configuration.ts'
import { applyFault } from '../support/git-fault.ts'
import { answerByGit } from '../support/git-http-backend.ts'
import { createSource, type SourceOptions } from '../../src/source/source.ts'

const environment = {
  PATH: process.env['PATH'] ?? '/usr/bin:/bin',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'test',
  GIT_AUTHOR_EMAIL: 'test@example.org',
  GIT_COMMITTER_NAME: 'test',
  GIT_COMMITTER_EMAIL: 'test@example.org',
  LC_ALL: 'C',
}

/** A temporary folder that goes away with the test. */
export function temporaryFolder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'gitwake-source-'))
  context.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

export function git(directory: string, command: readonly string[], input?: string | Buffer): string {
  return execFileSync('git', ['-C', directory, ...command], { env: environment, input, stdio: ['pipe', 'pipe', 'ignore'] })
    .toString('utf8')
    .trim()
}

/** A bare repository with a work tree beside it. */
export interface Origin {
  readonly path: string
  readonly url: string
  readonly work: string
  /** Writes files (undefined removes), commits and pushes; returns the commit. */
  commit(files: Readonly<Record<string, string | undefined>>, branch?: string): string
  push(...refspecs: readonly string[]): void
}

export function createOrigin(folder: string, name = 'shop.git', format = 'sha1'): Origin {
  const path = join(folder, name)
  const work = join(folder, `${name}-work`)
  git(folder, ['init', '-q', '--bare', '-b', 'main', `--object-format=${format}`, path])
  git(folder, ['init', '-q', '-b', 'main', `--object-format=${format}`, work])
  const push = (...refspecs: readonly string[]): void => void git(work, ['push', '-q', '--force', path, ...refspecs])
  return {
    path,
    url: `file://${path}`,
    work,
    push,
    commit: (files, branch = 'main') => {
      for (const [file, content] of Object.entries(files)) {
        mkdirSync(dirname(join(work, file)), { recursive: true })
        if (content === undefined) rmSync(join(work, file))
        else writeFileSync(join(work, file), content)
      }
      git(work, ['add', '-A'])
      git(work, ['commit', '-q', '--allow-empty', '-m', 'change'])
      push(`HEAD:refs/heads/${branch}`)
      return git(work, ['rev-parse', 'HEAD'])
    },
  }
}

/** A repository of the configuration, insecure transports allowed. */
export function repositoryAt(url: string, more: Partial<Repository> = {}): Repository {
  return { name: 'shop', url, pollIntervalMs: 60_000, allowInsecure: true, ...more }
}

/** A source with a cache of its own that is closed with the test. */
export function sourceFor(context: TestContext, options: Partial<SourceOptions> = {}): ReturnType<typeof createSource> {
  const source = createSource({ cacheDir: join(temporaryFolder(context), 'cache'), resolveSecret: async () => 'unused', ...options })
  context.after(() => source.close())
  return source
}

/**
 * Serves the bare repositories of a folder by smart HTTP; `intercept` may answer a request itself by returning true,
 * or let the answer stop after 4 MiB.
 */
export async function serveGit(
  context: TestContext,
  folder: string,
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean | 'stall' = () => false,
): Promise<{ readonly url: string; readonly requests: string[] }> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    const decision = intercept(request, response)
    if (decision === true) return
    if (decision === 'stall') applyFault({ kind: 'hang after', bytes: 4 * 1024 * 1024 }, response)
    answerByGit(folder, request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  context.after(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}
