import assert from 'node:assert/strict'
import { cpSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createOrigin, git, repositoryAt, serveGit, sourceFor, temporaryFolder } from './remote-host.ts'

const never = new AbortController().signal

for (const transport of ['file', 'http'] as const) {
  test(`over ${transport}: each push is the next fetch, read without a work tree`, async (context) => {
    const folder = temporaryFolder(context)
    const origin = createOrigin(folder)
    const url = transport === 'file' ? origin.url : `${(await serveGit(context, folder)).url}/shop.git`
    const source = sourceFor(context)
    for (const content of ['one', 'two', 'three']) {
      const revision = origin.commit({ 'apps/api.yaml': content, 'apps/web/web.yaml': 'same' })
      const tree = await source.fetch(repositoryAt(url), 'refs/heads/main', never)
      assert.equal(tree.revision, revision)
      assert.equal(await tree.treeOid('apps', never), git(origin.work, ['rev-parse', `${revision}:apps`]))
      const { files, skipped } = await tree.list('apps', never)
      assert.deepEqual(
        files.map(({ path, size }) => [path, size]),
        [
          ['apps/api.yaml', content.length],
          ['apps/web/web.yaml', 4],
        ],
      )
      assert.deepEqual(skipped, [])
      assert.deepEqual((await tree.read(files, never)).map(String), [content, 'same'])
    }
  })
}

test('applications that ask together share one fetch; who asks during a fetch gets a later one', async (context) => {
  const folder = temporaryFolder(context)
  const origin = createOrigin(folder)
  const first = origin.commit({ 'a.yaml': '1' })
  let second = ''
  let rewound = false
  const host = await serveGit(context, folder, (request) => {
    // After the refs were told, and before the objects are asked for: a push that this fetch does not contain.
    if (request.method === 'POST' && !rewound && host.requests.length > 2) {
      rewound = true
      second = origin.commit({ 'a.yaml': '2' })
    }
    return false
  })
  const source = sourceFor(context)
  const repository = repositoryAt(`${host.url}/shop.git`)
  const early = Array.from({ length: 50 }, () => source.fetch(repository, 'refs/heads/main', never))
  while (!rewound) await new Promise((resolve) => setImmediate(resolve))
  const late = source.fetch(repository, 'refs/heads/main', never)
  assert.deepEqual([...new Set((await Promise.all(early)).map(({ revision }) => revision))], [first])
  assert.equal((await late).revision, second)
  assert.equal(host.requests.filter((request) => request.startsWith('GET')).length, 2)
})

test('several refs come in one fetch, and a missing one does not keep the others away', async (context) => {
  const folder = temporaryFolder(context)
  const origin = createOrigin(folder)
  const main = origin.commit({ 'a.yaml': '1' })
  const other = origin.commit({ 'a.yaml': '2' }, 'other')
  const host = await serveGit(context, folder)
  const source = sourceFor(context)
  const repository = repositoryAt(`${host.url}/shop.git`)
  const results = await Promise.allSettled(
    ['refs/heads/main', 'refs/heads/gone', 'refs/heads/other', 'refs/heads/nope'].map((ref) => source.fetch(repository, ref, never)),
  )
  assert.deepEqual(
    results.map((result) => (result.status === 'fulfilled' ? result.value.revision : result.reason.code)),
    [main, 'ref-not-found', other, 'ref-not-found'],
  )
})

test('tags are peeled to commits; a tag with the name of a branch stays another ref; a tag of a blob is no commit', async (context) => {
  const origin = createOrigin(temporaryFolder(context))
  const tagged = origin.commit({ 'a.yaml': '1' })
  git(origin.work, ['tag', '-a', '-m', 'annotated', 'main'])
  git(origin.work, ['tag', 'blob', git(origin.work, ['rev-parse', 'HEAD:a.yaml'])])
  origin.push('refs/tags/main', 'refs/tags/blob')
  const head = origin.commit({ 'a.yaml': '2' })
  const source = sourceFor(context)
  const repository = repositoryAt(origin.url)
  assert.equal((await source.fetch(repository, 'refs/tags/main', never)).revision, tagged)
  assert.equal((await source.fetch(repository, 'refs/heads/main', never)).revision, head)
  await assert.rejects(source.fetch(repository, 'refs/tags/blob', never), { code: 'ref-not-found', message: /names no commit/ })
  const heads = await source.heads(repository, ['refs/heads/main', 'refs/tags/main', 'refs/heads/gone'], never)
  assert.deepEqual(
    [...heads],
    [
      ['refs/heads/main', head],
      ['refs/tags/main', tagged],
    ],
  )
})

test('heads are told by exact name only, in one run', async (context) => {
  const folder = temporaryFolder(context)
  const origin = createOrigin(folder)
  origin.commit({ 'a.yaml': '1' }, 'x/refs/heads/main')
  const host = await serveGit(context, folder)
  const source = sourceFor(context)
  const repository = repositoryAt(`${host.url}/shop.git`)
  assert.deepEqual([...(await source.heads(repository, ['refs/heads/main'], never))], [])
  const head = origin.commit({ 'a.yaml': '2' })
  assert.deepEqual([...(await source.heads(repository, ['refs/heads/main'], never))], [['refs/heads/main', head]])
  assert.deepEqual([...(await source.heads(repository, [], never))], [])
  assert.equal(host.requests.filter((request) => request.startsWith('GET')).length, 2)
})

test('force-pushes, rewinds, orphan branches and a/b after a are followed', async (context) => {
  const origin = createOrigin(temporaryFolder(context))
  const source = sourceFor(context)
  const repository = repositoryAt(origin.url)
  const revisionOf = async (ref: string): Promise<string> => (await source.fetch(repository, ref, never)).revision
  const first = origin.commit({ 'a.yaml': '1' })
  const second = origin.commit({ 'a.yaml': '2' })
  assert.equal(await revisionOf('refs/heads/main'), second)
  origin.push(`${first}:refs/heads/main`)
  assert.equal(await revisionOf('refs/heads/main'), first)
  git(origin.work, ['checkout', '-q', '--orphan', 'alone'])
  const orphan = origin.commit({ 'a.yaml': undefined, 'b.yaml': '3' }, 'main')
  const tree = await source.fetch(repository, 'refs/heads/main', never)
  assert.equal(tree.revision, orphan)
  assert.deepEqual(
    (await tree.list('', never)).files.map(({ path }) => path),
    ['b.yaml'],
  )
  origin.push(`${orphan}:refs/heads/feature`)
  assert.equal(await revisionOf('refs/heads/feature'), orphan)
  origin.push(':refs/heads/feature')
  origin.push(`${first}:refs/heads/feature/one`)
  assert.equal(await revisionOf('refs/heads/feature/one'), first)
  await assert.rejects(revisionOf('refs/heads/feature'), { code: 'ref-not-found' })
})

test('SHA-256 repositories work, also where the repository changed its format', async (context) => {
  const folder = temporaryFolder(context)
  const source = sourceFor(context)
  createOrigin(folder, 'shop.git').commit({ 'a.yaml': '1' })
  const repository = repositoryAt(`file://${join(folder, 'current')}`)
  git(folder, ['clone', '-q', '--bare', 'shop.git', 'current'])
  assert.equal((await source.fetch(repository, 'refs/heads/main', never)).revision.length, 40)
  const other = createOrigin(folder, 'long.git', 'sha256')
  const revision = other.commit({ 'a.yaml': 'long' })
  rmSync(join(folder, 'current'), { recursive: true })
  cpSync(other.path, join(folder, 'current'), { recursive: true })
  const tree = await source.fetch(repository, 'refs/heads/main', never)
  assert.equal(tree.revision, revision)
  assert.equal(revision.length, 64)
  const { files } = await tree.list('', never)
  assert.deepEqual((await tree.read(files, never)).map(String), ['long'])
  assert.deepEqual([...(await source.heads(repository, ['refs/heads/main'], never))], [['refs/heads/main', revision]])
})

test('an empty repository says what to do', async (context) => {
  const folder = temporaryFolder(context)
  for (const format of ['sha1', 'sha256']) {
    const origin = createOrigin(folder, `${format}.git`, format)
    await assert.rejects(sourceFor(context).fetch(repositoryAt(origin.url), 'refs/heads/main', never), {
      code: 'ref-not-found',
      fix: /push a first commit/,
    })
  }
})

test('repositories that are configured differently never share a cache', async (context) => {
  const origin = createOrigin(temporaryFolder(context))
  origin.commit({ 'a.yaml': '1' })
  const cacheDir = join(temporaryFolder(context), 'cache')
  const source = sourceFor(context, { cacheDir })
  for (const username of ['alice', 'bob']) {
    const credentials = { username, passwordFrom: { env: 'PASSWORD' } }
    await source.fetch(repositoryAt(origin.url, { credentials }), 'refs/heads/main', never)
  }
  assert.equal(readdirSync(cacheDir).filter((name) => name.startsWith('shop-')).length, 2)
})

test('a range of versions is the tag of the highest one, annotated or not, and moves with a new tag', async (context) => {
  const folder = temporaryFolder(context)
  const origin = createOrigin(folder)
  const source = sourceFor(context)
  const repository = repositoryAt(origin.url)
  const range = 'semver:>=1.0.0 <2.0.0-0'
  const first = origin.commit({ 'a.yaml': '1' })
  await assert.rejects(source.fetch(repository, range, never), { code: 'ref-not-found', message: /has no tag in the range/ })
  git(origin.work, ['tag', 'v1.9.0'])
  const second = origin.commit({ 'a.yaml': '2' })
  git(origin.work, ['tag', '-a', '-m', 'release', 'v1.10.0'])
  origin.commit({ 'a.yaml': '3' })
  git(origin.work, ['tag', 'v2.0.0'])
  origin.push('refs/tags/*:refs/tags/*')
  assert.equal((await source.fetch(repository, range, never)).revision, second)
  const heads = await source.heads(repository, [range, 'refs/tags/v1.9.0', 'semver:>=3'], never)
  assert.deepEqual(Object.fromEntries(heads), { 'refs/tags/v1.9.0': first, [range]: second })
  const third = origin.commit({ 'a.yaml': '4' })
  git(origin.work, ['tag', 'v1.11.0'])
  origin.push('refs/tags/*:refs/tags/*')
  assert.equal((await source.heads(repository, [range], never)).get(range), third)
  assert.equal((await source.fetch(repository, range, never)).revision, third)
})
