import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { before, test, type TestContext } from 'node:test'
import fc from 'fast-check'
import type { JsonObject } from '../../src/model/json.ts'
import { changedPathsOf, touches } from '../../src/model/read-set.ts'
import type { RenderInputs } from '../../src/model/tree.ts'
import { createRenderer } from '../../src/render/renderer.ts'
import { github } from '../../src/webhook/github.ts'
import { createOrigin, git, repositoryAt, sourceFor, temporaryFolder, type Origin } from '../source/remote-host.ts'
import { ensureKustomize } from '../support/build.ts'
import { applicationAt } from './support.ts'

const signal = AbortSignal.timeout(600_000)
let kustomizePath = ''
before(async () => {
  kustomizePath = await ensureKustomize(() => undefined)
})

const FILES = [
  'README.md',
  'base/cm.yaml',
  'base/more/cm.yaml',
  'plain/cm.yaml',
  'plain/notes.md',
  'plain/sub/cm.yaml',
  'over/a/cm.yaml',
  'over/a/notes.md',
  'over/a/shop',
  'over/b',
  'part/cm.yaml',
]
const KUSTOMIZATIONS = [
  'over/a/kustomization.yaml',
  'base/kustomization.yaml',
  'base/kustomization.yml',
  'part/kustomization.yaml',
  'kustomization.yaml',
]
const FOLDERS = ['over/a', 'base', 'plain', 'plain/sub', 'part', '']

const kustomization = fc
  .record({
    resources: fc.subarray(['cm.yaml', '../base', '../../base', '../../plain', '../b', 'more/cm.yaml', 'more']),
    components: fc.subarray(['../part', '../../part']),
    configMapGenerator: fc.subarray([
      { name: 'g', files: ['k=notes.md'] },
      { name: 'h', envs: ['shop'] },
    ]),
    namespace: fc.constantFrom('shop', 'base', '../b'),
    patches: fc.subarray([{ path: 'cm.yaml' }]),
  })
  .map((value) => JSON.stringify(value))

/** A file that appears, changes or (undefined) goes; one in the place of a folder, and a folder in the place of a file, too. */
const change = fc.oneof(
  fc.record({
    file: fc.constantFrom(...FILES),
    content: fc.option(
      fc.nat(5).map((x) => `{"x": ${x}}`),
      { nil: undefined },
    ),
  }),
  fc.record({ file: fc.constantFrom(...KUSTOMIZATIONS), content: fc.option(kustomization, { nil: undefined }) }),
  fc.record({
    file: fc.constantFrom('plain/.gitwakeignore', 'over/b/x/cm.yaml', 'base/more'),
    content: fc.constantFrom('sub/\n', '*.yaml\n', undefined),
  }),
)
const pushes = fc.array(fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }), {
  minLength: 8,
  maxLength: 8,
})

function write(work: string, file: string, content: string | undefined): void {
  const path = join(work, file)
  if (content === undefined) return rmSync(path, { recursive: true, force: true })
  for (let folder = dirname(file); folder !== '.'; folder = dirname(folder)) {
    try {
      mkdirSync(join(work, folder), { recursive: true })
      break
    } catch {
      rmSync(join(work, folder), { recursive: true, force: true })
    }
  }
  mkdirSync(dirname(path), { recursive: true })
  rmSync(path, { recursive: true, force: true })
  writeFileSync(path, content)
}

/** The push as GitHub tells it: of each commit the files that it changes, of a merge those that it changes in its first parent. */
function payloadOf({ work }: Origin, first: string, last: string): JsonObject {
  const commits = git(work, ['rev-list', '--reverse', '--topo-order', `${first}..${last}`]).split('\n')
  return {
    ref: 'refs/heads/main',
    before: first,
    after: last,
    created: false,
    deleted: false,
    forced: false,
    repository: { clone_url: 'https://github.com/acme/shop.git' },
    commits: commits.map((id) => {
      const fields = git(work, ['diff-tree', '-r', '-z', '--no-renames', '--name-status', `${id}^1`, id]).split('\0')
      const files = (wanted: string): string[] =>
        fields.flatMap((status, at) => (at % 2 === 0 && status === wanted ? [fields[at + 1] ?? ''] : []))
      return { id, added: files('A'), removed: files('D'), modified: [...files('M'), ...files('T')] }
    }),
  }
}

function changedPathsIn(payload: JsonObject): readonly string[] {
  const announced = github.decode({ 'x-github-event': 'push' }, payload)
  assert.ok(Array.isArray(announced))
  const [push] = announced
  assert.ok(push.kind === 'push' && push.changedPaths !== undefined, 'the push names all that it changes')
  return push.changedPaths
}

function commit(work: string, changes: readonly { file: string; content: string | undefined }[]): string {
  for (const { file, content } of changes) write(work, file, content)
  git(work, ['add', '-A'])
  git(work, ['commit', '-q', '--allow-empty', '-m', 'change'])
  return git(work, ['rev-parse', 'HEAD'])
}

/** Inputs of every folder at the head; undefined where there are none that could be rendered. */
function looksAt(context: TestContext, origin: Origin) {
  const source = sourceFor(context)
  const renderer = createRenderer({ kustomizePath })
  return async (): Promise<ReadonlyMap<string, RenderInputs | undefined>> => {
    origin.push('HEAD:refs/heads/main')
    const tree = await source.fetch(repositoryAt(origin.url), 'refs/heads/main', signal)
    const inputs = FOLDERS.map(
      async (path) => [path, await renderer.inputs(tree, applicationAt(path), signal).catch(() => undefined)] as const,
    )
    return new Map(await Promise.all(inputs))
  }
}

test('whatever a push changes: where its files touch nothing that was read, the trees say the same', async (context) => {
  let [passed, woken, held] = [0, 0, 0]
  await fc.assert(
    fc.asyncProperty(pushes, async (told) => {
      const origin = createOrigin(temporaryFolder(context))
      const look = looksAt(context, origin)
      let first = commit(origin.work, [
        { file: 'base/cm.yaml', content: '{"x": 1}' },
        { file: 'base/kustomization.yaml', content: '{"resources": ["cm.yaml"]}' },
        { file: 'part/kustomization.yaml', content: '{"kind": "Component"}' },
        { file: 'plain/cm.yaml', content: '{"x": 1}' },
        { file: 'over/a/kustomization.yaml', content: '{"resources": ["../../base"], "components": ["../../part"]}' },
      ])
      let known = await look()
      for (const commits of told) {
        let last = first
        for (const changes of commits) last = commit(origin.work, changes)
        const changed = changedPathsOf(changedPathsIn(payloadOf(origin, first, last)))
        const after = await look()
        for (const [path, inputs] of known) {
          if (inputs === undefined) continue
          const set = { repository: 'shop', ref: 'refs/heads/main', path, inputs: inputs.digest, paths: inputs.reads }
          const isTouched = touches(changed, set)
          const isSame = after.get(path)?.digest === inputs.digest
          if (isTouched) woken += 1
          else passed += 1
          if (isTouched && isSame) held += 1
          assert.ok(isTouched || isSame, `${path} read ${inputs.reads.join(', ')}; changed: ${[...changed.changed].join(', ')}`)
        }
        known = after
        first = last
      }
    }),
    { numRuns: 4, endOnFailure: true },
  )
  context.diagnostic(`${passed} passed over, ${woken} woken, ${held} of them in vain`)
  assert.ok(passed > 0 && woken > 0, 'the pushes were of both kinds')
})

test('an overlay is not touched by what lies beside its bases, and is by a file that was looked for in vain', async (context) => {
  const origin = createOrigin(temporaryFolder(context))
  commit(origin.work, [
    { file: 'base/kustomization.yaml', content: '{"resources": ["cm.yaml"], "namePrefix": "shop"}' },
    { file: 'base/cm.yaml', content: '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}' },
    { file: 'over/a/kustomization.yaml', content: '{"resources": ["../../base"]}' },
  ])
  const inputs = (await looksAt(context, origin)()).get('over/a')
  assert.ok(inputs)
  const isTouched = (...paths: readonly string[]): boolean =>
    touches(changedPathsOf(paths), {
      repository: 'shop',
      ref: 'refs/heads/main',
      path: 'over/a',
      inputs: inputs.digest,
      paths: inputs.reads,
    })
  assert.deepEqual(
    [isTouched('base/README.md'), isTouched('over/b/kustomization.yaml'), isTouched('over/a/notes.md')],
    [false, false, false],
  )
  assert.deepEqual(
    [isTouched('base/cm.yaml'), isTouched('over/a/kustomization.yaml'), isTouched('base/kustomization.yml')],
    [true, true, true],
  )
  // "shop" might have been a file, and then it would have been read.
  assert.deepEqual([isTouched('base/shop'), isTouched('base/shop/a'), isTouched('base')], [true, true, true])
})
