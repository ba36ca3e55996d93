import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { deflateSync } from 'node:zlib'
import { GitwakeError } from '../../src/model/error.ts'
import { cacheIn, looseObjects, overwrite, packFiles } from './cache-files.ts'
import { createOrigin, git, repositoryAt, serveGit, sourceFor, temporaryFolder } from './remote-host.ts'

const never = new AbortController().signal
const main = 'refs/heads/main'

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
  const program = fileURLToPath(import.meta.url.replace('cache.test.', 'fetcher-process.'))
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
