import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { ensureGoProgram } from '../support/go-program.ts'
import { checkoutRoot, findOnPath } from '../support/checkout.ts'
import { spawnOwned } from '../support/owned-process.ts'
import { temporaryFolder } from './remote-host.ts'

/** A Git host over ssh that lets in one key. */
export interface SshHost {
  readonly port: number
  /** The line that a known_hosts file holds for it, under the name for `ssh://` or for the usual port (`host:path`). */
  readonly knownHosts: string
}

/** Serves the bare repositories of a folder to the holder of a public key. */
export async function serveSsh(context: TestContext, folder: string, publicKey: string): Promise<SshHost> {
  const program = await ensureGoProgram(
    {
      name: 'ssh-server',
      version: '1',
      moduleFolder: join(checkoutRoot, 'test', 'source', 'ssh-server'),
      package: '.',
      variables: {},
    },
    () => undefined,
  )
  const child = spawnOwned(program, ['--root', folder, '--authorized-key', publicKey], { stdio: ['pipe', 'pipe', 'inherit'] })
  if (child.stdout === null) throw new Error('The ssh server has no stdout.')
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  context.after(async () => {
    child.stdin?.end()
    await once(child, 'exit')
  })
  const ready: { readonly port: number; readonly hostKey: string } = JSON.parse(String(line))
  return { port: ready.port, knownHosts: `[127.0.0.1]:${ready.port} ${ready.hostKey}\n` }
}

/** A new key pair, by ssh's own program. */
export function createKey(
  context: TestContext,
  options: readonly string[] = ['-t', 'ed25519', '-N', ''],
): { readonly privateKey: string; readonly publicKey: string } {
  const file = join(temporaryFolder(context), 'key')
  execFileSync('ssh-keygen', ['-q', ...options, '-C', 'test', '-f', file])
  return { privateKey: readFileSync(file, 'utf8'), publicKey: readFileSync(`${file}.pub`, 'utf8') }
}

/** A search path whose ssh takes another port for the usual one: `host:path` cannot name it, and 22 is not a test's to listen on. */
export function searchPathWithPort(context: TestContext, port: number): string {
  const folder = temporaryFolder(context)
  const file = join(folder, 'ssh')
  writeFileSync(file, `#!/bin/sh\nexec ${findOnPath('ssh')} -p ${port} "$@"\n`)
  chmodSync(file, 0o755)
  return `${folder}:${process.env['PATH'] ?? '/usr/bin:/bin'}`
}
