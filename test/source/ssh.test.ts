import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import type { Repository } from '../../src/model/configuration.ts'
import { GitwakeError } from '../../src/model/error.ts'
import type { SourceOptions } from '../../src/source/source.ts'
import { findOnPath } from '../support/checkout.ts'
import { processesNaming } from './processes.ts'
import { createOrigin, repositoryAt, sourceFor, temporaryFolder, type Origin } from './remote-host.ts'
import { createKey, searchPathWithPort, serveSsh, type SshHost } from './ssh-host.ts'

const never = new AbortController().signal
const main = 'refs/heads/main'
const noSsh = findOnPath('ssh') === null || findOnPath('ssh-keygen') === null

interface Place {
  readonly origin: Origin
  readonly head: string
  readonly host: SshHost
  readonly privateKey: string
}

async function place(context: TestContext): Promise<Place> {
  const folder = temporaryFolder(context)
  const origin = createOrigin(folder)
  const head = origin.commit({ 'a.yaml': 'a: 1\n' })
  const { privateKey, publicKey } = createKey(context)
  return { origin, head, host: await serveSsh(context, folder, publicKey), privateKey }
}

/** The source and the repository of somebody who configured ssh with these texts. */
function configured(
  context: TestContext,
  url: string,
  texts: { readonly key: string; readonly knownHosts: string },
  options: Partial<SourceOptions> = {},
): { readonly source: ReturnType<typeof sourceFor>; readonly repository: Repository } {
  const secrets: Readonly<Record<string, string>> = { key: texts.key, hosts: texts.knownHosts }
  const source = sourceFor(context, {
    resolveSecret: async (reference) => secrets['env' in reference ? reference.env : ''] ?? assert.fail('unknown reference'),
    ...options,
  })
  return { source, repository: repositoryAt(url, { ssh: { privateKeyFrom: { env: 'key' }, knownHostsFrom: { env: 'hosts' } } }) }
}

/** How both ways of asking the remote are refused. */
async function refusals(...[context, url, texts, options]: Parameters<typeof configured>): Promise<GitwakeError> {
  const { source, repository } = configured(context, url, texts, options)
  const reasons = await Promise.all(
    [source.heads(repository, [main], never), source.fetch(repository, main, never)].map((asked) =>
      asked.then(
        () => assert.fail('it was let in'),
        (error: unknown) => (error instanceof GitwakeError ? error : assert.fail(String(error))),
      ),
    ),
  )
  const [listing, fetching] = reasons
  assert.ok(listing !== undefined && fetching !== undefined)
  assert.equal(listing.code, fetching.code)
  for (const text of [listing.message, fetching.message, fetching.fix])
    for (const line of texts.key.split('\n').filter((part) => part.length > 20)) assert.ok(!text.includes(line), 'the key is told')
  return fetching
}

describe('a repository over ssh', { skip: noSsh && 'ssh and ssh-keygen are not installed', timeout: 120_000 }, () => {
  it('is polled and fetched with the configured key from the configured host, and moves with it', async (context) => {
    const { origin, head, host, privateKey } = await place(context)
    const { source, repository } = configured(context, `ssh://git@127.0.0.1:${host.port}/shop.git`, {
      key: privateKey,
      knownHosts: host.knownHosts,
    })
    assert.deepEqual([...(await source.heads(repository, [main, 'refs/heads/none'], never))], [[main, head]])
    const tree = await source.fetch(repository, main, never)
    assert.equal(tree.revision, head)
    assert.deepEqual(
      (await tree.list('', never)).files.map(({ path }) => path),
      ['a.yaml'],
    )
    const next = origin.commit({ 'b.yaml': 'b: 1\n' })
    assert.equal((await source.fetch(repository, main, never)).revision, next)
    await assert.rejects(source.fetch(repository, 'refs/heads/none', never), { code: 'ref-not-found' })
  })

  it('may be written as git@host:path, with a key that lost its last newline', async (context) => {
    const { head, host, privateKey } = await place(context)
    const path = searchPathWithPort(context, host.port)
    const texts = { key: privateKey.trimEnd(), knownHosts: host.knownHosts.trimEnd() }
    const { source, repository } = configured(context, 'git@127.0.0.1:shop.git', texts, { path })
    assert.deepEqual([...(await source.heads(repository, [main], never))], [[main, head]])
    assert.equal((await source.fetch(repository, main, never)).revision, head)
  })

  it('is refused where the host is not among the known ones', async (context) => {
    const { host, privateKey } = await place(context)
    const error = await refusals(context, `ssh://git@127.0.0.1:${host.port}/shop.git`, { key: privateKey, knownHosts: '' })
    assert.equal(error.code, 'host-key-unknown')
    assert.equal(error.retryable, false)
    assert.match(error.message, /not in its known hosts/)
    assert.match(error.fix, /spec\.ssh\.knownHostsFrom/)
  })

  it('is refused where the host shows another key than the known one, and that is told as what it may be', async (context) => {
    const { host, privateKey } = await place(context)
    const knownHosts = `[127.0.0.1]:${host.port} ${createKey(context).publicKey}`
    const error = await refusals(context, `ssh://git@127.0.0.1:${host.port}/shop.git`, { key: privateKey, knownHosts })
    assert.equal(error.code, 'host-key-changed')
    assert.equal(error.retryable, false)
    assert.match(error.message, /another key than the known one/)
    assert.match(error.fix, /somebody may stand in between/)
  })

  it('is refused to another key, and the reason names no https credentials', async (context) => {
    const { host } = await place(context)
    const texts = { key: createKey(context).privateKey, knownHosts: host.knownHosts }
    const error = await refusals(context, `ssh://git@127.0.0.1:${host.port}/shop.git`, texts)
    assert.equal(error.code, 'git-authentication')
    assert.equal(error.retryable, false)
    assert.match(error.message, /Permission denied/)
    assert.match(error.fix, /spec\.ssh/)
  })

  it('with a key under a passphrase, in whichever format, is refused with that reason', async (context) => {
    const { host } = await place(context)
    for (const format of [
      ['-t', 'ed25519'],
      ['-t', 'ecdsa', '-m', 'PEM'],
      ['-t', 'ecdsa', '-m', 'PKCS8'],
    ]) {
      const texts = { key: createKey(context, [...format, '-N', 'open sesame']).privateKey, knownHosts: host.knownHosts }
      const error = await refusals(context, `ssh://git@127.0.0.1:${host.port}/shop.git`, texts)
      assert.equal(error.code, 'git-authentication')
      assert.match(error.message, /passphrase/)
      assert.match(error.fix, /without a passphrase/)
    }
  })

  it('with something else in place of a key is refused with that reason', async (context) => {
    const { host } = await place(context)
    const texts = { key: 'this is no key at all, but long enough', knownHosts: host.knownHosts }
    const error = await refusals(context, `ssh://git@127.0.0.1:${host.port}/shop.git`, texts)
    assert.equal(error.code, 'git-authentication')
    assert.match(error.message, /private key cannot be read/)
  })

  it('that does not exist is told as missing', async (context) => {
    const { host, privateKey } = await place(context)
    const texts = { key: privateKey, knownHosts: host.knownHosts }
    const error = await refusals(context, `ssh://git@127.0.0.1:${host.port}/none.git`, texts)
    assert.equal(error.code, 'repository-not-found')
  })

  it('ends as a timeout where the host hangs, before its greeting or after letting us in, and leaves nothing behind', async (context) => {
    const { host, privateKey } = await place(context)
    const privateFiles = temporaryFolder(context)
    const { TMPDIR: usual } = process.env
    process.env['TMPDIR'] = privateFiles
    context.after(() => {
      if (usual === undefined) delete process.env['TMPDIR']
      else process.env['TMPDIR'] = usual
    })
    const mute = createServer()
    const sockets = new Set<Socket>()
    mute.on('connection', (socket) => sockets.add(socket)).listen(0, '127.0.0.1')
    await once(mute, 'listening')
    context.after(() => {
      for (const socket of sockets) socket.destroy()
      mute.close()
    })
    const texts = { key: privateKey, knownHosts: host.knownHosts }
    const timeouts = { fetchMs: 2_000, listMs: 2_000 }
    const { port } = mute.address() as AddressInfo
    for (const url of [`ssh://silent@127.0.0.1:${host.port}/shop.git`, `ssh://git@127.0.0.1:${port}/shop.git`]) {
      const error = await refusals(context, url, texts, { timeouts })
      assert.equal(error.code, 'git-timeout')
      assert.equal(error.retryable, true)
      assert.deepEqual(processesNaming(url), [])
    }
    assert.deepEqual(
      readdirSync(privateFiles).filter((name) => name.startsWith('gitwake-ssh-')),
      [],
    )
  })

  it('is retried where nobody listens', async (context) => {
    const { host, privateKey } = await place(context)
    const error = await refusals(context, 'ssh://git@127.0.0.1:1/shop.git', { key: privateKey, knownHosts: host.knownHosts })
    assert.equal(error.code, 'git-unreachable')
    assert.equal(error.retryable, true)
  })
})
