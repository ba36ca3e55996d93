import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { GitwakeError } from '../../src/model/error.ts'
import { createCache } from '../../src/render/cache.ts'
import { openLocalTree, renderFile } from '../../src/render/local.ts'
import { createRenderer } from '../../src/render/renderer.ts'
import { applicationAt, renderPath, writeRepository } from './support.ts'

const configMap = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`
const signal = AbortSignal.timeout(60_000)
const refused = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof GitwakeError && error.code === code && message.test(error.message) && error.fix !== ''

describe('a directory of plain manifests', () => {
  it('is read recursively, sorted by path, without what .gitwakeignore names', async (t) => {
    const root = await writeRepository(t, {
      'apps/b.yml': configMap('b'),
      'apps/a/x.yaml': configMap('x'),
      'apps/a/y.json': '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"y"}}',
      'apps/a/values.yaml': 'not: a manifest',
      'apps/a/.gitwakeignore': '/values.yaml\n',
      'apps/ci/pipeline.yaml': 'steps: []',
      'apps/.gitwakeignore': 'ci/\n',
      'apps/.github/workflow.yaml': 'on: push',
      'apps/README.md': '# apps',
      'other/z.yaml': configMap('z'),
    })
    const { rendering, inputs } = await renderPath(createRenderer(), root, 'apps')
    assert.deepEqual(
      rendering.objects.map(({ origin }) => origin.file),
      ['apps/a/x.yaml', 'apps/a/y.json', 'apps/b.yml'],
    )
    assert.equal(inputs.renderer, 'plain')
  })
  it('has a digest of its inputs that changes with every file it reads, and with no other', async (t) => {
    const root = await writeRepository(t, { 'apps/a.yaml': configMap('a'), 'apps/README.md': '', 'b.yaml': configMap('b') })
    const digest = async (): Promise<string> => (await renderPath(createRenderer(), root, 'apps')).inputs.digest
    const first = await digest()
    await writeFile(join(root, 'apps/README.md'), 'more')
    await writeFile(join(root, 'b.yaml'), configMap('c'))
    assert.equal(await digest(), first)
    await writeFile(join(root, 'apps/a.yaml'), `# comment\n${configMap('a')}`)
    const second = await digest()
    assert.notEqual(second, first)
    await writeFile(join(root, 'apps/.gitwakeignore'), 'x')
    assert.notEqual(await digest(), second)
  })
  it('has a digest of its objects that does not change with comments and the order of keys', async (t) => {
    const root = await writeRepository(t, {
      'a/x.yaml': configMap('a'),
      'b/x.yaml': '# c\nmetadata:\n  name: a\nkind: ConfigMap\napiVersion: v1\n',
    })
    const renderer = createRenderer()
    assert.equal((await renderPath(renderer, root, 'a')).rendering.digest, (await renderPath(renderer, root, 'b')).rendering.digest)
  })
  it('may be empty, and may be the root of the repository', async (t) => {
    const root = await writeRepository(t, { 'README.md': '' })
    assert.deepEqual((await renderPath(createRenderer(), root, '')).rendering.objects, [])
  })
  it('that is missing is held, so that nothing is deleted', async (t) => {
    const root = await writeRepository(t, { 'a.yaml': configMap('a') })
    for (const path of ['gone', 'a.yaml']) {
      await assert.rejects(
        renderPath(createRenderer(), root, path),
        (error) => refused('path-not-found', /is not a directory of/)(error) && Reflect.get(Object(error), 'held') === true,
      )
    }
  })
  it('tells symbolic links and does not follow them', async (t) => {
    const root = await writeRepository(t, { 'apps/a.yaml': configMap('a'), 'secret.yaml': configMap('secret') })
    await symlink('../secret.yaml', join(root, 'apps/link.yaml'))
    await symlink('/etc', join(root, 'apps/etc'))
    const { rendering } = await renderPath(createRenderer(), root, 'apps')
    assert.equal(rendering.objects.length, 1)
    assert.deepEqual(rendering.warnings, [
      'apps/etc is skipped: it is a symbolic link; links are not followed',
      'apps/link.yaml is skipped: it is a symbolic link; links are not followed',
    ])
  })
  it('with a kustomization or chart below it is refused instead of applied unpatched', async (t) => {
    const root = await writeRepository(t, {
      'apps/a.yaml': configMap('a'),
      'apps/base/Kustomization': 'resources: []',
      'chart/Chart.yaml': 'name: x',
      'deep/x/Chart.yaml': 'name: x',
      'deep/x/templates/a.yaml': '{{ broken',
    })
    await assert.rejects(renderPath(createRenderer(), root, 'apps'), refused('nested-renderer', /apps\/base is a kustomization/))
    await assert.rejects(renderPath(createRenderer(), root, 'deep'), refused('nested-renderer', /deep\/x is a Helm chart/))
    await assert.rejects(renderPath(createRenderer(), root, 'chart'), refused('helm-chart', /chart is a Helm chart/))
    await writeFile(join(root, 'apps/.gitwakeignore'), '/base/\n')
    assert.equal((await renderPath(createRenderer(), root, 'apps')).rendering.objects.length, 1)
  })
  it('reports the problems of all its files at once', async (t) => {
    const root = await writeRepository(t, {
      'a/1.yaml': 'a: b: c',
      'a/2.yaml': configMap('1'),
      'a/3.yaml': configMap('x'),
      'a/4.yaml': configMap('x'),
    })
    await assert.rejects(
      renderPath(createRenderer(), root, 'a'),
      refused('manifest-unreadable', /3 problems[^]*a\/1\.yaml:1[^]*a\/2\.yaml:3[^]*a\/4\.yaml:1.*a\/3\.yaml already/),
    )
  })
  it('has limits for the size of a file, of all files and for their number', async (t) => {
    const root = await writeRepository(t, { 'a/1.yaml': configMap('a') + '#'.repeat(1000), 'a/2.yaml': configMap('b') + '#'.repeat(1000) })
    for (const limits of [{ fileBytes: 500 }, { totalBytes: 1500 }, { files: 1 }]) {
      await assert.rejects(renderPath(createRenderer({ limits }), root, 'a'), (error) => error instanceof GitwakeError && !error.retryable)
    }
  })
})

describe('renderings', () => {
  it('of equal inputs are the same value, read once', async (t) => {
    const root = await writeRepository(t, { 'a/1.yaml': configMap('a') })
    const renderer = createRenderer()
    const { tree, inputs, rendering } = await renderPath(renderer, root, 'a')
    const untouchable = { ...tree, read: () => assert.fail('read again') }
    assert.equal(await renderer.render(untouchable, inputs, signal), rendering)
  })
  it('are given up when the signal aborts', async (t) => {
    const root = await writeRepository(t, { 'a/1.yaml': configMap('a') })
    const { tree } = await openLocalTree(root)
    const renderer = createRenderer()
    const inputs = await renderer.inputs(tree, applicationAt('a'), signal)
    await assert.rejects(renderer.render(tree, inputs, AbortSignal.abort(new Error('newer commit'))), /newer commit/)
  })
  it('do not stop the event loop: other work goes on while a large directory is read', async (t) => {
    const many = Array.from({ length: 4000 }, (_, at) => `${configMap(`c${at}`)}data: {a: b, c: d}\n`).join('---\n')
    const root = await writeRepository(t, { 'a/1.yaml': many, 'a/2.yaml': many.replaceAll('name: c', 'name: d') })
    let turns = 0
    const count = (): void => void (turns++, (timer = setImmediate(count)))
    let timer = setImmediate(count)
    t.after(() => clearImmediate(timer))
    assert.equal((await renderPath(createRenderer(), root, 'a')).rendering.objects.length, 8000)
    assert.ok(turns > 5)
  })
})

describe('a local directory', () => {
  it('has the object ids, modes and order that Git gives', async (t) => {
    const root = await writeRepository(t, { 'b/x.yaml': 'x', 'a.yaml': 'ü', 'b.yaml': '' })
    const { tree } = await openLocalTree(join(root, 'b'))
    const { files } = await tree.list('', signal)
    const expected = execFileSync('git', ['hash-object', '--no-filters', 'a.yaml', 'b.yaml', 'b/x.yaml'], {
      cwd: root,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], GIT_DIR: '/nonexistent' },
    })
    assert.deepEqual(
      files.map(({ path }) => path),
      ['a.yaml', 'b.yaml', 'b/x.yaml'],
    )
    assert.deepEqual(
      files.map(({ oid }) => oid),
      expected.trim().split('\n'),
    )
    assert.deepEqual(
      files.map(({ executable }) => executable),
      [false, false, false],
    )
  })
  it('knows its path in the repository around it', async (t) => {
    const root = await writeRepository(t, { 'b/c/x.yaml': 'x' })
    assert.equal((await openLocalTree(join(root, 'b/c'))).path, 'b/c')
    assert.equal((await openLocalTree(root)).path, '')
  })
  it('and a single file render too', async (t) => {
    const root = await writeRepository(t, { 'x.yaml': configMap('a') })
    assert.equal((await renderFile(join(root, 'x.yaml'), signal)).objects[0]?.manifest.metadata.name, 'a')
    await assert.rejects(renderFile(join(root, 'y.yaml'), signal), refused('path-not-found', /y\.yaml cannot be read/))
  })
})

describe('the cache', () => {
  it('what was not used for longest goes first, and what is too large does not stay', () => {
    const cache = createCache<number>(10)
    cache.set('a', 1, 4)
    cache.set('b', 2, 4)
    assert.equal(cache.get('a'), 1)
    cache.set('c', 3, 4)
    cache.set('d', 4, 11)
    assert.deepEqual(
      ['a', 'b', 'c', 'd'].map((key) => cache.get(key)),
      [1, undefined, 3, undefined],
    )
  })
})
