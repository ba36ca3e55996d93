import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { deflateSync } from 'node:zlib'
import { GitwakeError } from '../../src/model/error.ts'
import { createOrigin, git, repositoryAt, serveGit, sourceFor, temporaryFolder } from './remote-host.ts'

const never = new AbortController().signal
const main = 'refs/heads/main'

/** Arguments of every process whose command line or working directory names this text. */
function processesNaming(text: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/u.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')
        return line.includes(text) && !line.includes('http-backend') ? [line] : []
      } catch {
        return [] // ended meanwhile
      }
    })
}

function cacheIn(cacheDir: string): string {
  const name = readdirSync(cacheDir).find((each) => each.startsWith('shop-') && !each.endsWith('.lock'))
  assert.ok(name)
  return join(cacheDir, name)
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

function packFiles(cache: string, extension: string): readonly string[] {
  return filesBelow(join(cache, 'objects/pack')).filter((path) => path.endsWith(extension))
}

/** Turns the packs of a cache into loose objects, which can be tampered with one by one. */
function looseObjects(cache: string): readonly string[] {
  const packs = packFiles(cache, '.pack').map((path) => readFileSync(path))
  rmSync(join(cache, 'objects/pack'), { recursive: true })
  for (const pack of packs) execFileSync('git', ['--git-dir=.', 'unpack-objects', '-q'], { cwd: cache, input: pack })
  return filesBelow(join(cache, 'objects'))
}

function overwrite(paths: readonly string[], content: string | Buffer): void {
  assert.notEqual(paths.length, 0)
  for (const path of paths) {
    chmodSync(path, 0o600)
    writeFileSync(path, content)
  }
}

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

const damages: Readonly<Record<string, (cache: string) => void>> = {
  'loses all objects': (cache) => rmSync(join(cache, 'objects'), { recursive: true }),
  'loses its HEAD': (cache) => rmSync(join(cache, 'HEAD')),
  'has emptied objects': (cache) => overwrite(looseObjects(cache), ''),
  'has garbage in its objects': (cache) => overwrite(looseObjects(cache), 'garbage'),
  'has other objects under its ids': (cache) => overwrite(looseObjects(cache), deflateSync('blob 4\0evil')),
  'has an emptied pack': (cache) => overwrite(packFiles(cache, '.pack'), ''),
  'has garbage in its pack': (cache) => overwrite(packFiles(cache, '.pack'), 'garbage'.repeat(100)),
  'has lost the index of its pack': (cache) => packFiles(cache, '.idx').forEach((path) => rmSync(path)),
  'has a lock of a dead git': (cache) => writeFileSync(join(cache, 'shallow.lock'), ''),
  'has a garbled ref': (cache) =>
    readdirSync(join(cache, 'refs/gitwake')).forEach((name) => writeFileSync(join(cache, 'refs/gitwake', name), 'garbage\n')),
  'has garbled settings': (cache) => appendFileSync(join(cache, 'config'), '[garbage'),
  'is a file': (cache) => (rmSync(cache, { recursive: true }), writeFileSync(cache, '')),
  'is gone': (cache) => rmSync(cache, { recursive: true }),
}

for (const [damage, apply] of Object.entries(damages)) {
  test(`a cache that ${damage} is replaced, in the same process and after a restart`, async (context) => {
    const origin = createOrigin(temporaryFolder(context))
    const cacheDir = join(temporaryFolder(context), 'cache')
    const repository = repositoryAt(origin.url)
    origin.commit({ 'a.yaml': '0' })
    const source = sourceFor(context, { cacheDir })
    await source.fetch(repository, main, never)
    for (const [index, each] of [source, sourceFor(context, { cacheDir })].entries()) {
      apply(cacheIn(cacheDir))
      const head = origin.commit({ 'a.yaml': `after ${index}` })
      const tree = await each.fetch(repository, main, never)
      assert.equal(tree.revision, head)
      assert.deepEqual((await tree.read((await tree.list('', never)).files, never)).map(String), [`after ${index}`])
    }
  })
}

test('a file that is not what the commit says is never returned; the next fetch starts afresh', async (context) => {
  const origin = createOrigin(temporaryFolder(context))
  const cacheDir = join(temporaryFolder(context), 'cache')
  const repository = repositoryAt(origin.url)
  origin.commit({ 'a.yaml': 'good' })
  const tree = await sourceFor(context, { cacheDir }).fetch(repository, main, never)
  const { files } = await tree.list('', never)
  const [file] = files
  assert.ok(file)
  const path = looseObjects(cacheIn(cacheDir)).filter((each) => each.endsWith(file.oid.slice(2)))
  overwrite(path, deflateSync('blob 4\0evil'))
  const source = sourceFor(context, { cacheDir })
  const poisoned = await source.fetch(repository, main, never)
  await assert.rejects(poisoned.read(files, never), { code: 'repository-corrupt', retryable: true })
  const healed = await source.fetch(repository, main, never)
  assert.deepEqual((await healed.read(files, never)).map(String), ['good'])
})

test('a tree stays readable while the cache is replaced under it', async (context) => {
  const origin = createOrigin(temporaryFolder(context))
  const cacheDir = join(temporaryFolder(context), 'cache')
  const repository = repositoryAt(origin.url)
  origin.commit({ 'a.yaml': 'old' })
  const source = sourceFor(context, { cacheDir })
  const old = await source.fetch(repository, main, never)
  const aside = `${cacheIn(cacheDir)}.aside`
  renameSync(cacheIn(cacheDir), aside)
  const head = origin.commit({ 'a.yaml': 'new' })
  assert.equal((await source.fetch(repository, main, never)).revision, head)
  assert.deepEqual((await old.read((await old.list('', never)).files, never)).map(String), ['old'])
})

test('a reader that dies is started again; one whose cache is gone asks for a retry', async (context) => {
  const origin = createOrigin(temporaryFolder(context))
  const cacheDir = join(temporaryFolder(context), 'cache')
  const repository = repositoryAt(origin.url)
  origin.commit({ 'a.yaml': 'x' })
  const source = sourceFor(context, { cacheDir })
  const tree = await source.fetch(repository, main, never)
  const { files } = await tree.list('', never)
  const killReader = (): void => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/u.test(name))) {
      try {
        const own = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[1] === String(process.pid)
        if (own && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('cat-file')) process.kill(Number(pid), 'SIGKILL')
      } catch {
        // ended meanwhile
      }
    }
  }
  killReader()
  const read = async (): Promise<readonly string[]> => (await tree.read(files, never)).map(String)
  await read().catch((error: unknown) => assert.equal(error instanceof GitwakeError && error.retryable, true))
  assert.deepEqual(await read(), ['x'])
  killReader()
  rmSync(cacheIn(cacheDir), { recursive: true })
  await read().catch((error: unknown) => assert.equal(error instanceof GitwakeError && error.retryable, true))
  await assert.rejects(read(), { code: 'cache-renewed', retryable: true })
})

test('two processes and this one fetch into the same cache at once, while heads move', async (context) => {
  const origin = createOrigin(temporaryFolder(context))
  const cacheDir = join(temporaryFolder(context), 'cache')
  const contents = new Map([[origin.commit({ 'a.yaml': '0' }), '0']])
  const program = fileURLToPath(new URL('fetcher-process.ts', import.meta.url))
  const others = ['1', '2'].map(() => promisify(execFile)(process.execPath, [program, cacheDir, origin.url, '25']))
  const source = sourceFor(context, { cacheDir })
  let done = false
  void Promise.allSettled(others).then(() => (done = true))
  for (let push = 1; !done || push < 5; push += 1) {
    const revision = origin.commit({ 'a.yaml': String(push) })
    contents.set(revision, String(push))
    assert.equal((await source.fetch(repositoryAt(origin.url), main, never)).revision, revision)
  }
  for (const { stdout } of await Promise.all(others)) {
    const lines = stdout.trim().split('\n')
    assert.equal(lines.length, 25)
    for (const line of lines) assert.equal(line.split(' ')[1], contents.get(line.split(' ')[0] ?? ''), line)
  }
})

test('the lock of a process that died is taken over', async (context) => {
  const origin = createOrigin(temporaryFolder(context))
  const cacheDir = join(temporaryFolder(context), 'cache')
  const repository = repositoryAt(origin.url)
  const head = origin.commit({ 'a.yaml': '1' })
  const source = sourceFor(context, { cacheDir })
  await source.fetch(repository, main, never)
  const lock = `${cacheIn(cacheDir)}.lock`
  assert.equal(existsSync(lock), false)
  writeFileSync(lock, '')
  const controller = new AbortController()
  setTimeout(() => controller.abort(new Error('gave up')), 50)
  await assert.rejects(source.fetch(repository, main, controller.signal), { message: 'gave up' })
  utimesSync(lock, new Date(0), new Date(0))
  assert.equal((await source.fetch(repository, main, never)).revision, head)
  assert.equal(existsSync(lock), false)
})

test('a commit beyond the limit is stopped on its way', async (context) => {
  const folder = temporaryFolder(context)
  const origin = createOrigin(folder)
  execFileSync('dd', ['if=/dev/urandom', `of=${join(origin.work, 'big')}`, 'bs=1M', 'count=8'], { stdio: 'ignore' })
  origin.commit({})
  // The pack arrives but for its end: the limit must act while git still waits.
  const host = await serveGit(context, folder, (request) => request.method === 'POST' && host.requests.length > 2 && 'stall')
  const source = sourceFor(context, { limits: { fetchBytes: 1024 * 1024 } })
  await assert.rejects(source.fetch(repositoryAt(`${host.url}/shop.git`), main, never), { code: 'repository-too-large', retryable: false })
})

test('caches do not grow for ever: after many heads a fresh one takes over', async (context) => {
  const origin = createOrigin(temporaryFolder(context))
  const cacheDir = join(temporaryFolder(context), 'cache')
  const repository = repositoryAt(origin.url)
  origin.commit({ 'a.yaml': '1' })
  const source = sourceFor(context, { cacheDir })
  await source.fetch(repository, main, never)
  const shallow = join(cacheIn(cacheDir), 'shallow')
  const [line = ''] = readFileSync(shallow, 'utf8').split('\n')
  appendFileSync(shallow, `${line}\n`.repeat(600))
  const head = origin.commit({ 'a.yaml': '2' })
  assert.equal((await source.fetch(repository, main, never)).revision, head)
  assert.equal(readFileSync(shallow, 'utf8'), `${head}\n`)
  assert.equal(readdirSync(join(cacheDir, 'trash')).length, 1)
})

test('the configuration around the cache directory is not read', async (context) => {
  const folder = temporaryFolder(context)
  const origin = createOrigin(folder)
  const head = origin.commit({ 'a.yaml': '1' })
  const surrounding = join(folder, 'surrounding')
  mkdirSync(surrounding)
  git(surrounding, ['init', '-q'])
  git(surrounding, ['config', `url.file:///nowhere/.insteadOf`, `file://${folder}/`])
  const source = sourceFor(context, { cacheDir: join(surrounding, 'cache') })
  assert.equal((await source.fetch(repositoryAt(origin.url), main, never)).revision, head)
  assert.deepEqual([...(await source.heads(repositoryAt(origin.url), [main], never))], [[main, head]])
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
