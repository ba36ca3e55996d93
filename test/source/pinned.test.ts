import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bareEnvironment, openRemoteEnvironment, type Machine } from '../../src/source/environment.ts'
import { runGit } from '../../src/source/git.ts'
import { checkUrl } from '../../src/source/url.ts'
import { createOrigin, repositoryAt, serveGit, sourceFor, temporaryFolder } from './remote-host.ts'

const never = new AbortController().signal
const ssh = { privateKeyFrom: { env: 'KEY' }, knownHostsFrom: { env: 'HOSTS' } }

test('a repository whose name leads to this machine is refused before git runs, over https and ssh', async (context) => {
  const host = await serveGit(context, temporaryFolder(context))
  const { port } = new URL(host.url)
  // Without a git to run, whatever ran would tell so.
  const source = sourceFor(context, { path: '/nonexistent', resolve: async () => ['192.0.2.7', '127.0.0.1'] })
  for (const url of [
    `https://git.example.org:${port}/shop.git`,
    `ssh://git@git.example.org:${port}/shop.git`,
    'git@git.example.org:shop.git',
  ]) {
    const repository = repositoryAt(url, { allowInsecure: false, ...(url.startsWith('https') ? {} : { ssh }) })
    await assert.rejects(source.heads(repository, ['refs/heads/main'], never), {
      code: 'address-refused',
      message: /^repository shop: git\.example\.org is at 127\.0\.0\.1/,
      fix: /allowInsecure/,
    })
  }
  assert.deepEqual(host.requests, [])
})

test('a name that nobody knows is told as a host that does not answer', async (context) => {
  const source = sourceFor(context, { resolve: async () => [] })
  await assert.rejects(source.heads(repositoryAt('https://name.invalid/shop.git', { allowInsecure: false }), ['refs/heads/main'], never), {
    code: 'git-unreachable',
    retryable: true,
    message: /repository shop: the name name\.invalid has no address/,
  })
})

test('git connects to the addresses that were judged, whatever the name leads to by then', async (context) => {
  const folder = temporaryFolder(context)
  const head = createOrigin(folder).commit({ 'a.yaml': '1' })
  const host = await serveGit(context, folder)
  const { port } = new URL(host.url)
  const machine: Machine = { path: process.env['PATH'] ?? '', caFile: undefined, resolve: async () => ['192.0.2.7', '2001:db8::7'] }
  const pinned = async (url: string) => {
    const repository = repositoryAt(url, { allowInsecure: false, credentials: { username: 'git', passwordFrom: { env: 'P' } } })
    return (await openRemoteEnvironment(repository, checkUrl(url, repository), machine, async () => 'p4ssword')).environment
  }
  const environment = await pinned('https://git.example.org/shop.git')
  assert.equal(environment['GIT_CONFIG_KEY_0'], 'http.curloptResolve')
  assert.equal(environment['GIT_CONFIG_VALUE_0'], 'git.example.org:443:192.0.2.7,[2001:db8::7]')
  assert.match(environment['GIT_CONFIG_KEY_1'] ?? '', /extraHeader$/)
  assert.equal(
    (await pinned('https://git.example.org:8443/shop.git'))['GIT_CONFIG_VALUE_0'],
    'git.example.org:8443:192.0.2.7,[2001:db8::7]',
  )

  // That git heeds it: a name that exists nowhere, held to the address of a host of this test.
  const here = { ...bareEnvironment(machine), GIT_ALLOW_PROTOCOL: 'http', GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'http.curloptResolve' }
  const { ok, stdout } = await runGit(
    {
      arguments: ['--git-dir=/dev/null', 'ls-remote', `http://git.example.invalid:${port}/shop.git`, 'refs/heads/main'],
      environment: { ...here, GIT_CONFIG_VALUE_0: `git.example.invalid:${port}:127.0.0.1` },
      directory: folder,
      timeoutMs: 10_000,
    },
    never,
  )
  assert.deepEqual([ok, stdout], [true, `${head}\trefs/heads/main\n`])
})
