import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { GitwakeError } from '../../src/model/error.ts'
import { filesBelow } from './cache-files.ts'
import { processesNaming } from './processes.ts'
import { createOrigin, repositoryAt, serveGit, sourceFor, temporaryFolder } from './remote-host.ts'

const never = new AbortController().signal
const main = 'refs/heads/main'

test('a host that hangs is left at once when the sync is cancelled, and no git stays behind', async (context) => {
  const host = await serveGit(context, temporaryFolder(context), () => true)
  const source = sourceFor(context)
  const controller = new AbortController()
  const fetching = source.fetch(repositoryAt(`${host.url}/shop.git`), main, controller.signal)
  const listing = source.heads(repositoryAt(`${host.url}/shop.git`), [main], controller.signal)
  while (host.requests.length < 2) await new Promise((resolve) => setImmediate(resolve))
  assert.notEqual(processesNaming(host.url).length, 0)
  controller.abort(new Error('superseded'))
  await assert.rejects(fetching, { message: 'superseded' })
  await assert.rejects(listing, { message: 'superseded' })
  await source.close()
  assert.deepEqual(processesNaming(host.url), [])
})

test('a host that hangs, also in mid-pack, ends as a timeout that is worth a retry', async (context) => {
  const folder = temporaryFolder(context)
  createOrigin(folder).commit({ 'a.yaml': '1' })
  const silent = await serveGit(context, folder, () => true)
  let answers = 0
  const half = await serveGit(context, folder, (request, response) => {
    if (request.method !== 'POST' || (answers += 1) < 2) return false
    response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-result' }).write('000dpackfile\n')
    return true
  })
  const source = sourceFor(context, { timeouts: { fetchMs: 1_500, listMs: 500 } })
  await assert.rejects(source.heads(repositoryAt(`${silent.url}/shop.git`), [main], never), {
    code: 'git-timeout',
    retryable: true,
    message: /within 0\.5 s/,
  })
  await assert.rejects(source.fetch(repositoryAt(`${half.url}/shop.git`), main, never), { code: 'git-timeout', retryable: true })
  assert.deepEqual(
    [...processesNaming(silent.url), ...processesNaming(half.url)].filter((line) => line.includes('fetch')),
    [],
  )
})

test('who leaves does not end the fetch of those who stay', async (context) => {
  const folder = temporaryFolder(context)
  const head = createOrigin(folder).commit({ 'a.yaml': '1' })
  const host = await serveGit(context, folder)
  const source = sourceFor(context)
  const controller = new AbortController()
  const leaving = source.fetch(repositoryAt(`${host.url}/shop.git`), main, controller.signal)
  const staying = source.fetch(repositoryAt(`${host.url}/shop.git`), main, never)
  while (host.requests.length < 1) await new Promise((resolve) => setImmediate(resolve))
  controller.abort(new Error('left'))
  await assert.rejects(leaving, { message: 'left' })
  assert.equal((await staying).revision, head)
})

test('what hosts answer becomes an error that says what to do', async (context) => {
  const folder = temporaryFolder(context)
  createOrigin(folder).commit({ 'a.yaml': '1' })
  const host = await serveGit(context, folder, (request, response) => {
    const status = Number(/^\/(\d{3})\//u.exec(request.url ?? '')?.[1])
    if (Number.isNaN(status)) return false
    if (status === 401) response.setHeader('www-authenticate', 'Basic realm="x"')
    if (status >= 300 && status < 400) response.setHeader('location', `/shop.git/info/refs?service=git-upload-pack`)
    response.writeHead(status).end('nothing')
    return true
  })
  const source = sourceFor(context)
  const expected: Readonly<Record<string, readonly [string, boolean]>> = {
    [`${host.url}/301/shop.git`]: ['redirect-refused', false],
    [`${host.url}/307/shop.git`]: ['redirect-refused', false],
    [`${host.url}/401/shop.git`]: ['git-authentication', false],
    [`${host.url}/403/shop.git`]: ['git-authentication', false],
    [`${host.url}/404/shop.git`]: ['repository-not-found', false],
    [`${host.url}/429/shop.git`]: ['git-unreachable', true],
    [`${host.url}/500/shop.git`]: ['git-unreachable', true],
    [`${host.url}/503/shop.git`]: ['git-unreachable', true],
    [`${host.url}/gone.git`]: ['repository-not-found', false],
    [`file://${folder}/gone.git`]: ['repository-not-found', false],
    'http://127.0.0.1:1/shop.git': ['git-unreachable', true],
    'https://name.invalid/shop.git': ['git-unreachable', true],
    'ssh://git@127.0.0.1:1/shop.git': ['git-unreachable', true],
    [host.url.replace('http:', 'https:') + '/shop.git']: ['tls-untrusted', false],
  }
  for (const [url, [code, retryable]] of Object.entries(expected)) {
    const ssh = url.startsWith('ssh') ? { ssh: { privateKeyFrom: { env: 'KEY' }, knownHostsFrom: { env: 'HOSTS' } } } : {}
    const repository = repositoryAt(url, ssh)
    for (const ask of [() => source.fetch(repository, main, never), () => source.heads(repository, [main], never)]) {
      await assert.rejects(ask(), (error) => {
        assert.ok(error instanceof GitwakeError, String(error))
        assert.deepEqual([error.code, error.retryable], [code, retryable], `${url}: ${error.message}`)
        assert.notEqual(error.fix, '')
        if (code === 'redirect-refused') assert.match(error.fix, new RegExp(`${host.url}/shop\\.git `))
        return true
      })
    }
  }
})

test('an ssh URL without a key is refused before anything runs', async (context) => {
  await assert.rejects(sourceFor(context).fetch(repositoryAt('git@git.example.org:acme/shop.git'), main, never), {
    code: 'git-authentication',
    fix: /spec\.ssh/,
  })
})

test('credentials reach the host, and nothing else: no argument, file, message or redirect carries them', async (context) => {
  const folder = temporaryFolder(context)
  const cacheDir = join(temporaryFolder(context), 'cache')
  const head = createOrigin(folder).commit({ 'a.yaml': '1' })
  const password = 'p4ss/w:örd?"\'%&'
  const basic = Buffer.from(`deploy:${password}`).toString('base64')
  const seen: string[] = []
  let refuse = false
  const host = await serveGit(context, folder, (request, response) => {
    seen.push(request.headers.authorization ?? 'none')
    for (const line of processesNaming('127.0.0.1')) assert.ok(!line.includes(basic) && !line.includes('p4ss'), line)
    if (refuse) response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(`no: ${basic} ${password}`)
    return refuse
  })
  const url = `${host.url}/shop.git`
  const resolveSecret = async (): Promise<string> => `${password}\n`
  const source = sourceFor(context, { cacheDir, resolveSecret })
  const repository = repositoryAt(url, { credentials: { username: 'deploy', passwordFrom: { env: 'PASSWORD' } } })
  assert.equal((await source.fetch(repository, main, never)).revision, head)
  assert.deepEqual([...new Set(seen)], [`Basic ${basic}`])
  refuse = true
  await assert.rejects(source.fetch(repository, main, never), (error) => {
    assert.ok(error instanceof GitwakeError)
    assert.equal(error.code, 'git-authentication')
    assert.ok(!JSON.stringify([error.message, error.fix, error.cause]).includes('p4ss') && !error.message.includes(basic))
    return true
  })
  for (const path of filesBelow(cacheDir)) {
    const content = readFileSync(path, 'latin1')
    assert.ok(!content.includes('p4ss') && !content.includes(basic), path)
  }
})

test('one hanging host leaves room for the others', async (context) => {
  const folder = temporaryFolder(context)
  const head = createOrigin(folder).commit({ 'a.yaml': '1' })
  const hanging = await serveGit(context, folder, () => true)
  const healthy = await serveGit(context, folder)
  const source = sourceFor(context, { concurrency: { total: 4, perHost: 2 } })
  const controller = new AbortController()
  const stuck = Array.from({ length: 10 }, (_, index) =>
    source.fetch(repositoryAt(`${hanging.url}/r${index}.git`), main, controller.signal),
  )
  assert.equal((await source.fetch(repositoryAt(`${healthy.url}/shop.git`), main, never)).revision, head)
  controller.abort(new Error('enough'))
  for (const result of await Promise.allSettled(stuck)) assert.equal(result.status, 'rejected')
})

test('a machine without git says so', async (context) => {
  const source = sourceFor(context, { path: temporaryFolder(context) })
  await assert.rejects(source.fetch(repositoryAt('https://git.example.org/a'), main, never), { code: 'git-missing', fix: /2\.36/ })
})
