import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { symlinkSync, writeFileSync, chmodSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Tree } from '../../src/model/tree.ts'
import type { SourceOptions } from '../../src/source/source.ts'
import { isObject, parseTree } from '../../src/source/tree-object.ts'
import { createOrigin, git, repositoryAt, sourceFor, temporaryFolder, type Origin } from './remote-host.ts'

const never = new AbortController().signal

async function fetched(context: TestContext, origin: Origin, options: Partial<SourceOptions> = {}): Promise<Tree> {
  return sourceFor(context, options).fetch(repositoryAt(origin.url), 'refs/heads/main', never)
}

/** Commits a root tree of exactly these entries, past everything that git refuses to write. */
function commitTree(origin: Origin, entries: readonly (readonly [mode: string, name: Buffer | string, oid: string])[]): string {
  const bytes = Buffer.concat(
    entries.map(([mode, name, oid]) =>
      Buffer.concat([Buffer.from(`${mode} `), Buffer.from(name), Buffer.from('\0'), Buffer.from(oid, 'hex')]),
    ),
  )
  const tree = git(origin.work, ['hash-object', '-w', '-t', 'tree', '--literally', '--stdin'], bytes)
  const commit = git(origin.work, ['commit-tree', '-m', 'made by hand', tree])
  origin.push(`${commit}:refs/heads/main`)
  return commit
}

const blob = (origin: Origin, content: string): string => git(origin.work, ['hash-object', '-w', '--stdin'], content)

test('links of every kind are named and never followed', async (context) => {
  const origin = createOrigin(temporaryFolder(context))
  for (const [name, target] of Object.entries({
    passwd: '/etc/passwd',
    up: '../../../etc',
    loop: 'loop',
    dangling: 'nowhere',
    inside: 'apps/api.yaml',
    folder: 'apps',
  })) {
    symlinkSync(target, join(origin.work, name))
  }
  origin.commit({ 'apps/api.yaml': 'kind: A' })
  const tree = await fetched(context, origin)
  const { files, skipped } = await tree.list('', never)
  assert.deepEqual(
    files.map(({ path }) => path),
    ['apps/api.yaml'],
  )
  assert.deepEqual(
    skipped.map(({ path }) => path),
    ['dangling', 'folder', 'inside', 'loop', 'passwd', 'up'],
  )
  assert.match(skipped[0]?.why ?? '', /symbolic link/)
  assert.equal(await tree.treeOid('folder', never), undefined)
  assert.deepEqual(await tree.list('folder/api.yaml', never), {
    files: [],
    skipped: [{ path: 'folder', why: 'it is a symbolic link; links are not followed' }],
  })
})

test('submodules are named; nothing of them is fetched', async (context) => {
  const origin = createOrigin(temporaryFolder(context))
  origin.commit({ 'a.yaml': '1', '.gitmodules': '[submodule "x"]\n\tpath = x\n\turl = https://example.org/x\n' })
  git(origin.work, ['update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},x`])
  git(origin.work, ['commit', '-q', '-m', 'submodule'])
  origin.push('HEAD:refs/heads/main')
  const { files, skipped } = await (await fetched(context, origin)).list('', never)
  assert.deepEqual(
    files.map(({ path }) => path),
    ['.gitmodules', 'a.yaml'],
  )
  assert.deepEqual(skipped, [{ path: 'x', why: 'it is a submodule; submodules are not fetched' }])
})

test('what .gitattributes asks for does not happen: contents are the bytes of the commit', async (context) => {
  const origin = createOrigin(temporaryFolder(context))
  const revision = origin.commit({ '.gitattributes': '*.yaml text eol=crlf ident filter=evil working-tree-encoding=UTF-16\n' })
  const content = '$Id$ one\ntwo\n'
  const oid = blob(origin, content)
  const attributes = git(origin.work, ['rev-parse', `${revision}:.gitattributes`])
  commitTree(origin, [
    ['100644', '.gitattributes', attributes],
    ['100644', 'a.yaml', oid],
  ])
  const tree = await fetched(context, origin)
  const { files } = await tree.list('a.yaml', never)
  assert.deepEqual((await tree.read(files, never)).map(String), [content])
})

test('a Git LFS pointer is an error that names the file', async (context) => {
  const origin = createOrigin(temporaryFolder(context))
  origin.commit({
    'apps/big.yaml': `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 9\n`,
    'apps/a.yaml': 'x',
  })
  const tree = await fetched(context, origin)
  const { files } = await tree.list('', never)
  await assert.rejects(tree.read(files, never), { code: 'lfs-pointer', message: /apps\/big\.yaml/, retryable: false })
})

test('names with newlines, leading dashes, quotes and spaces are names like others', async (context) => {
  const origin = createOrigin(temporaryFolder(context))
  const names = ['-rf', '--upload-pack=x', 'a\nb.yaml', ' lead', 'tab\there', '"quoted"', '$(id)', 'größe.yaml', '日本.yaml']
  for (const name of names) writeFileSync(join(origin.work, name), name)
  origin.commit({})
  const tree = await fetched(context, origin)
  const { files, skipped } = await tree.list('', never)
  assert.deepEqual(
    files.map(({ path }) => path),
    [...names].sort(),
  )
  assert.deepEqual((await tree.read(files, never)).map(String), [...names].sort())
  assert.deepEqual(skipped, [])
  assert.deepEqual(
    (await tree.list('a\nb.yaml', never)).files.map(({ path }) => path),
    ['a\nb.yaml'],
  )
})

test('names that are not UTF-8 are skipped and told', async (context) => {
  const origin = createOrigin(temporaryFolder(context))
  origin.commit({})
  const oid = blob(origin, 'x')
  commitTree(origin, [
    ['100644', 'a.yaml', oid],
    ['100644', Buffer.from('caf\xe9.yaml', 'latin1'), oid],
  ])
  const { files, skipped } = await (await fetched(context, origin)).list('', never)
  assert.deepEqual(
    files.map(({ path }) => path),
    ['a.yaml'],
  )
  assert.deepEqual(skipped, [{ path: 'café.yaml', why: 'its name is not UTF-8' }])
})

test('trees whose names lead out of them are refused when they arrive', async (context) => {
  for (const name of ['..', '.', '.git', 'a/b', '.GIT']) {
    const origin = createOrigin(temporaryFolder(context))
    origin.commit({})
    commitTree(origin, [['100644', name, blob(origin, 'x')]])
    await assert.rejects(fetched(context, origin), { code: 'objects-refused', retryable: false }, name)
  }
})

test('a tree object that is cut is none, and no name in one leads elsewhere', () => {
  const oid = '1'.repeat(40)
  const entry = (name: string): Buffer => Buffer.concat([Buffer.from(`100644 ${name}\0`), Buffer.from(oid, 'hex')])
  assert.equal(parseTree(entry('a'), 20)?.length, 1)
  assert.equal(parseTree(Buffer.alloc(0), 20)?.length, 0)
  for (const bytes of [
    entry('a').subarray(0, -1),
    Buffer.from('100644'),
    Buffer.from('100644 a'),
    entry('..'),
    entry('.'),
    entry(''),
    entry('a/b'),
    entry('.Git'),
  ]) {
    assert.equal(parseTree(bytes, 20), undefined, bytes.toString('latin1'))
  }
})

test('executables are told apart; odd modes read as git reads them', async (context) => {
  const origin = createOrigin(temporaryFolder(context))
  writeFileSync(join(origin.work, 'run.sh'), '#!/bin/sh')
  chmodSync(join(origin.work, 'run.sh'), 0o755)
  origin.commit({ 'a.yaml': '1' })
  const { files } = await (await fetched(context, origin)).list('', never)
  assert.deepEqual(
    files.map(({ path, executable }) => [path, executable]),
    [
      ['a.yaml', false],
      ['run.sh', true],
    ],
  )
  const entries = parseTree(
    Buffer.concat(['100664 a', '120000 b', '40000 c', '160000 d', '10644 e'].map((text) => Buffer.from(`${text}\0${'x'.repeat(20)}`))),
    20,
  )
  assert.deepEqual(
    entries?.map(({ kind }) => kind),
    ['file', 'symlink', 'tree', 'submodule', 'unknown'],
  )
})

test('large files are listed with their size and refused unread; a bomb of shared folders is refused too', async (context) => {
  const origin = createOrigin(temporaryFolder(context))
  origin.commit({ 'big.bin': 'x'.repeat(5_000), 'a.yaml': 'small', 'b.yaml': 'other', 'c.yaml': 'small' })
  const tree = await fetched(context, origin, { limits: { fileBytes: 4_000, totalBytes: 8, entries: 50 } })
  const { files } = await tree.list('', never)
  assert.deepEqual(
    files.map(({ path, size }) => [path, size]),
    [
      ['a.yaml', 5],
      ['b.yaml', 5],
      ['big.bin', 5_000],
      ['c.yaml', 5],
    ],
  )
  await assert.rejects(tree.read(files, never), { code: 'file-too-large', message: /big\.bin: 5000 bytes/ })
  await assert.rejects(tree.read(files.slice(0, 2), never), { code: 'file-too-large', message: /together/ })
  assert.equal(
    (
      await tree.read(
        [files[0], files[3]].flatMap((file) => file ?? []),
        never,
      )
    ).length,
    2,
  )

  let level = git(origin.work, ['rev-parse', 'HEAD^{tree}'])
  for (let depth = 0; depth < 9; depth += 1) {
    level = git(origin.work, ['mktree'], Array.from({ length: 10 }, (_, index) => `040000 tree ${level}\tf${index}\n`).join(''))
  }
  const commit = git(origin.work, ['commit-tree', '-m', 'bomb', level])
  origin.push(`${commit}:refs/heads/main`)
  const bomb = await fetched(context, origin)
  await assert.rejects(bomb.list('', never), { code: 'too-many-files' })
  assert.equal((await bomb.list('f0/f0/f0/f0/f0/f0/f0/f0/f0', never)).files.length, 4)
})

test('a path may be a folder, a file, the root or nothing', async (context) => {
  const origin = createOrigin(temporaryFolder(context))
  origin.commit({ 'apps/a.yaml': '1', 'apps/b/c.yaml': '2', 'apps-b/d.yaml': '3' })
  const tree = await fetched(context, origin)
  const paths = async (path: string): Promise<readonly string[]> => (await tree.list(path, never)).files.map((file) => file.path)
  assert.deepEqual(await paths(''), ['apps-b/d.yaml', 'apps/a.yaml', 'apps/b/c.yaml'])
  assert.deepEqual(await paths('apps'), ['apps/a.yaml', 'apps/b/c.yaml'])
  assert.deepEqual(await paths('./apps/b/'), ['apps/b/c.yaml'])
  assert.deepEqual(await paths('apps/a.yaml'), ['apps/a.yaml'])
  for (const path of ['app', 'apps/a.yaml/x', '../apps', 'apps/../apps-b', 'APPS']) assert.deepEqual(await paths(path), [], path)
  assert.equal(await tree.treeOid('apps/a.yaml', never), undefined)
  assert.equal(await tree.treeOid('nope', never), undefined)
  assert.equal(await tree.treeOid('', never), git(origin.work, ['rev-parse', 'HEAD^{tree}']))
})

test('many files of many sizes come back whole and in the order asked for', async (context) => {
  const origin = createOrigin(temporaryFolder(context))
  const contents = Object.fromEntries(
    Array.from({ length: 300 }, (_, index) => [`d${index % 7}/f${index}`, `${index}\n`.repeat(1 + ((index * index) % 5_000))]),
  )
  origin.commit({ ...contents, empty: '' })
  const tree = await fetched(context, origin)
  const { files } = await tree.list('', never)
  const shuffled = files.toSorted((a, b) =>
    createHash('md5').update(a.path).digest('hex') < createHash('md5').update(b.path).digest('hex') ? -1 : 1,
  )
  const [one, two] = await Promise.all([tree.read(shuffled, never), tree.read(files, never)])
  assert.deepEqual(
    one.map(String),
    shuffled.map(({ path }) => contents[path] ?? ''),
  )
  assert.deepEqual(
    two.map(String),
    files.map(({ path }) => contents[path] ?? ''),
  )
})

test('an object is only what its id says', () => {
  assert.equal(isObject('e69de29bb2d1d6434b8b29ae775ad8c2e48c5391', 'blob', Buffer.alloc(0)), true)
  assert.equal(isObject('e69de29bb2d1d6434b8b29ae775ad8c2e48c5391', 'blob', Buffer.from('x')), false)
  assert.equal(isObject('e69de29bb2d1d6434b8b29ae775ad8c2e48c5391', 'tree', Buffer.alloc(0)), false)
})
