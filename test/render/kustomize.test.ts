import assert from 'node:assert/strict'
import { chmod, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, it, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { GitwakeError } from '../../src/model/error.ts'
import type { RenderLimits } from '../../src/render/limits.ts'
import { openLocalTree } from '../../src/render/local.ts'
import { createRenderer } from '../../src/render/renderer.ts'
import type { Renderer } from '../../src/sync/ports.ts'
import { ensureKustomize } from '../support/build.ts'
import { applicationAt, renderPath, writeRepository } from './support.ts'

const signal = AbortSignal.timeout(60_000)
const configMap = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`
const deployment =
  'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec:\n  replicas: 1\n  template: {spec: {volumes: [{name: x, secret: {defaultMode: 0400}}]}}\n'
const refused = (code: string, message: RegExp) => (error: unknown) => {
  if (!(error instanceof GitwakeError)) return false
  assert.match(error.message, message)
  assert.equal(error.code, code)
  assert.doesNotMatch(error.message, /gitwake-render-/)
  return error.fix !== ''
}

let kustomizePath = ''
before(async () => {
  kustomizePath = await ensureKustomize(() => undefined)
})
const renderer = (limits: Partial<RenderLimits> = {}): Renderer => createRenderer({ kustomizePath, limits })

describe('a kustomization', () => {
  it('tells on request from which file each object comes, without a mark on what is applied', async (t) => {
    const root = await writeRepository(t, {
      'base/kustomization.yaml': 'resources: [cm.yaml, other.yaml]\n',
      'base/cm.yaml': configMap('c'),
      'base/other.yaml': configMap('o'),
      'overlays/prod/kustomization.yaml':
        'namePrefix: p-\nresources: [../../base]\nconfigMapGenerator: [{name: g, literals: [x=1]}]\ngeneratorOptions: {disableNameSuffixHash: true}\n',
    })
    const { tree } = await openLocalTree(root)
    const kustomize = renderer()
    const inputs = await kustomize.inputs(tree, applicationAt('overlays/prod'), signal)
    const files = await kustomize.origins(tree, inputs, signal)
    assert.deepEqual(Object.fromEntries([...files].map(([key, file]) => [key.split('/').at(-1), file])), {
      'p-c': 'base/cm.yaml',
      'p-o': 'base/other.yaml',
      'p-g': 'overlays/prod/kustomization.yaml',
    })
    const { objects } = await kustomize.render(tree, inputs, signal)
    assert.equal(objects.length, 3)
    assert.ok(objects.every(({ manifest }) => manifest.metadata.annotations === undefined))
  })

  it('is built from its bases, components, patches and generators, and from nothing else', async (t) => {
    const root = await writeRepository(t, {
      'base/kustomization.yaml': 'resources: [deployment.yaml, config]\n',
      'base/deployment.yaml': deployment,
      'base/config/kustomization.yml': 'resources: [cm.yaml]\n',
      'base/config/cm.yaml': configMap('c'),
      'components/extra/kustomization.yaml': 'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [extra.yaml]\n',
      'components/extra/extra.yaml': configMap('extra'),
      'overlays/prod/kustomization.yaml': [
        'namespace: shop',
        'resources: [../../base]',
        'components: [../../components/extra]',
        'patches: [{path: replicas.yaml}]',
        'secretGenerator: [{name: s, files: [key.txt, renamed=key.txt], envs: [app.env]}]',
        'transformers: [labels.yaml]',
        '',
      ].join('\n'),
      'overlays/prod/replicas.yaml': 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec: {replicas: 3}\n',
      'overlays/prod/labels.yaml':
        'apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}\nlabels: {team: shop}\nfieldSpecs: [{path: metadata/labels, create: true}]\n',
      'overlays/prod/key.txt': 'k',
      'overlays/prod/app.env': 'A=b\n',
      'overlays/prod/notes.txt': 'not read',
      'overlays/dev/kustomization.yaml': 'resources: [../../base]\n',
    })
    const { inputs, rendering } = await renderPath(renderer(), root, 'overlays/prod')
    assert.deepEqual(
      inputs.files.map(({ path }) => path),
      [
        'base/config/cm.yaml',
        'base/config/kustomization.yml',
        'base/deployment.yaml',
        'base/kustomization.yaml',
        'components/extra/extra.yaml',
        'components/extra/kustomization.yaml',
        'overlays/prod/app.env',
        'overlays/prod/key.txt',
        'overlays/prod/kustomization.yaml',
        'overlays/prod/labels.yaml',
        'overlays/prod/replicas.yaml',
      ],
    )
    assert.equal(inputs.renderer, 'kustomize')
    const found = new Map(
      rendering.objects.map((object) => [object.manifest.kind + object.manifest.metadata.name.replace(/-.*/, ''), object]),
    )
    assert.deepEqual([...found.keys()].toSorted(), ['ConfigMapc', 'ConfigMapextra', 'Deploymentapi', 'Secrets'])
    assert.deepEqual(found.get('Deploymentapi')?.manifest['spec'], {
      replicas: 3,
      template: { spec: { volumes: [{ name: 'x', secret: { defaultMode: 256 } }] } },
    })
    assert.deepEqual(found.get('Secrets')?.manifest['data'], { A: 'Yg==', 'key.txt': 'aw==', renamed: 'aw==' })
    assert.ok(
      rendering.objects.every(
        ({ origin, manifest }) => origin.file === 'overlays/prod/kustomization.yaml' && manifest.metadata.namespace === 'shop',
      ),
    )
    assert.ok(rendering.objects.every(({ manifest }) => manifest.metadata.labels?.['team'] === 'shop'))
  })

  it('has a digest that changes with a file of its base, and not with one beside it', async (t) => {
    const root = await writeRepository(t, {
      'base/kustomization.yaml': 'resources: [a.yaml]\n',
      'base/a.yaml': configMap('a'),
      'base/unused.yaml': configMap('b'),
      'prod/kustomization.yaml': 'resources: [../base]\n',
    })
    const digest = async (): Promise<string> => (await renderPath(renderer(), root, 'prod')).inputs.digest
    const first = await digest()
    await writeFile(join(root, 'base/unused.yaml'), configMap('c'))
    assert.equal(await digest(), first)
    await writeFile(join(root, 'base/a.yaml'), configMap('c'))
    assert.notEqual(await digest(), first)
  })

  it('may stand in the root, and generators configured by files read theirs', async (t) => {
    const root = await writeRepository(t, {
      'kustomization.yaml': 'generators: [gen.yaml]\n',
      'gen.yaml': 'apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: g}\nfiles: [data/x.txt]\n',
      'data/x.txt': 'x',
    })
    const { rendering } = await renderPath(renderer(), root, '')
    assert.deepEqual(rendering.objects[0]?.manifest['data'], { 'x.txt': 'x' })
  })

  it('leaves nothing behind in the temporary directory', async (t) => {
    const ours = async (): Promise<string[]> => (await readdir(tmpdir())).filter((name) => name.startsWith('gitwake-render-')).toSorted()
    const root = await writeRepository(t, { 'kustomization.yaml': 'resources: [a.yaml]\n', 'a.yaml': 'kind: [' })
    const earlier = await ours()
    await assert.rejects(renderPath(renderer(), root, ''))
    assert.deepEqual(
      (await ours()).filter((name) => !earlier.includes(name)),
      [],
    )
  })
})

describe('what a kustomization must not name', () => {
  const table: readonly (readonly [name: string, content: string, code: string, message: RegExp])[] = [
    [
      'a URL',
      'resources: ["https://example.com/a.yaml"]',
      'remote-base-refused',
      /^prod\/kustomization\.yaml: resources names https:\/\/example\.com\/a\.yaml/,
    ],
    ['a repository', 'resources: [github.com/acme/shop//base]', 'remote-base-refused', /github\.com/],
    ['a repository with a ref', 'bases: ["acme/shop?ref=v1"]', 'remote-base-refused', /bases names/],
    ['ssh', 'components: ["git@example.com:acme/shop"]', 'remote-base-refused', /git@/],
    [
      'a URL with a password, which is not shown',
      'resources: ["https://user:hunter2@example.com/x?ref=a"]',
      'remote-base-refused',
      /^((?!hunter2)[^])*$/,
    ],
    [
      'a URL as a generated file',
      'configMapGenerator: [{name: a, files: ["x=http://127.0.0.1:6379/"]}]',
      'remote-base-refused',
      /configMapGenerator/,
    ],
    ['a URL as a patch', 'patches: [{path: "https://example.com/a"}]', 'remote-base-refused', /patches/],
    [
      'a URL in an inline generator',
      'generators:\n- |\n  apiVersion: builtin\n  kind: ConfigMapGenerator\n  metadata: {name: g}\n  files: ["http://127.0.0.1:1/"]\n',
      'remote-base-refused',
      /127/,
    ],
    ['a file that is not there', 'resources: [gone.yaml]', 'kustomize-file-missing', /gone\.yaml, which is not in the commit/],
    ['a path out of the repository', 'resources: [../../../etc]', 'kustomize-file-missing', /outside of the repository/],
    ['an absolute path', 'configMapGenerator: [{name: a, files: [/etc/passwd]}]', 'kustomize-file-missing', /outside of the repository/],
    ['a symbolic link', 'resources: [link.yaml]', 'kustomize-file-missing', /link\.yaml, which is no regular file: it is a symbolic link/],
    ['a Helm chart', 'helmCharts: [{name: x}]', 'kustomization-invalid', /helmCharts is not supported/],
    ['broken YAML', 'resources: [', 'kustomization-invalid', /^prod\/kustomization\.yaml:1: not valid YAML/],
    ['two documents', 'resources: []\n---\nresources: []', 'kustomization-invalid', /one document/],
    [
      'a file of a directory above, which kustomize refuses',
      'configMapGenerator: [{name: a, files: [../secret.txt]}]',
      'kustomize-failed',
      /secret\.txt/,
    ],
    ['itself', 'resources: [../prod]', 'kustomize-failed', /cycle/],
    ['a field that does not exist', 'resuorces: []', 'kustomize-failed', /resuorces/],
    ['a resource without a kind', 'resources: [bad.yaml]', 'kustomize-failed', /bad\.yaml/],
  ]
  for (const [name, content, code, message] of table) {
    it(name, async (t) => {
      const root = await writeRepository(t, { 'prod/kustomization.yaml': content, 'secret.txt': 's', 'prod/bad.yaml': 'a: 1\n' })
      await symlink('../secret.txt', join(root, 'prod/link.yaml'))
      await assert.rejects(renderPath(renderer(), root, 'prod'), refused(code, message))
    })
  }
  it('names of objects that we refuse, told with the kustomization', async (t) => {
    const root = await writeRepository(t, {
      'prod/kustomization.yaml': 'resources: [a.yaml]',
      'prod/a.yaml': `${configMap('a')}  \n`.replace('{name: a}', '{name: a, labels: {applyset.kubernetes.io/part-of: x}}'),
    })
    await assert.rejects(renderPath(renderer(), root, 'prod'), refused('own-label', /^prod\/kustomization\.yaml/))
  })
  it('two kustomization files in one directory', async (t) => {
    const root = await writeRepository(t, { 'kustomization.yaml': '', 'kustomization.yml': '' })
    await assert.rejects(renderPath(renderer(), root, ''), refused('kustomization-invalid', /holds both/))
  })
})

describe('the program that builds', () => {
  /** A program that says its version, and does `body` for a build. */
  async function program(t: TestContext, body: string): Promise<{ root: string; path: string }> {
    const root = await writeRepository(t, {
      'kustomization.yaml': 'resources: [a.yaml]\n',
      'a.yaml': configMap('a'),
      kustomize: `#!/bin/sh\n[ "$1" = version ] && { echo v1; exit; }\n${body}\n`,
    })
    await chmod(join(root, 'kustomize'), 0o700)
    return { root, path: join(root, 'kustomize') }
  }
  const run = async (t: TestContext, body: string, limits: Partial<RenderLimits> = {}) => {
    const { root, path } = await program(t, body)
    return { root, rendered: renderPath(createRenderer({ kustomizePath: path, limits }), root, '') }
  }
  const isGone = async (root: string): Promise<boolean> => {
    const pid = Number(await readFile(join(root, 'pid'), 'utf8'))
    for (let tries = 0; tries < 500; tries++) {
      try {
        process.kill(pid, 0)
      } catch {
        return true
      }
      // A killed grandchild stays a zombie until the system's init collects it.
      if (/^State:\s+Z/m.test(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''))) return true
      await delay(10)
    }
    return false
  }

  it('sees an environment made from nothing', async (t) => {
    const { rendered } = await run(
      t,
      `printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: a}\\ndata:\\n'; export -p | while read -r e name; do printf '  "%s": x\\n' "\${name%%=*}"; done`,
    )
    const { rendering } = await rendered
    const names = Object.keys(Object(rendering.objects[0]?.manifest['data']))
    const shell = ['OLDPWD', 'PWD', 'SHLVL', '_']
    assert.deepEqual(names.filter((name) => !shell.includes(name)).toSorted(), [
      'GOMAXPROCS',
      'GOMEMLIMIT',
      'HOME',
      'HTTPS_PROXY',
      'HTTP_PROXY',
      'LC_ALL',
      'PATH',
      'TMPDIR',
    ])
  })
  it('is stopped with all that it started when it takes too long', async (t) => {
    const { root, rendered } = await run(
      t,
      `trap '' TERM; (trap '' TERM; while :; do /bin/sleep 1; done) & echo $! > "$(cd "\${0%/*}"; pwd)/pid"; while :; do /bin/sleep 1; done`,
      { buildTimeoutMs: 1000 },
    )
    await assert.rejects(rendered, refused('kustomize-timeout', /took longer than 1 s/))
    assert.ok(await isGone(root))
  })
  it('is stopped when the signal aborts', async (t) => {
    const { root, path } = await program(t, `echo $$ > "\${0%/*}/pid"; while :; do /bin/sleep 1; done`)
    const made = createRenderer({ kustomizePath: path })
    const { tree } = await openLocalTree(root)
    const inputs = await made.inputs(tree, applicationAt(''), signal)
    const controller = new AbortController()
    const rendering = made.render(tree, inputs, controller.signal)
    const started = (async () => {
      while ((await readFile(join(root, 'pid'), 'utf8').catch(() => '')) === '') await delay(5)
      controller.abort(new Error('newer commit'))
    })()
    await assert.rejects(rendering, /newer commit/)
    await started
    assert.ok(await isGone(root))
  })
  it('is stopped when it prints without end', async (t) => {
    const { rendered } = await run(t, 'while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done', {
      buildOutputBytes: 1024 * 1024,
    })
    await assert.rejects(rendered, refused('kustomize-output', /more than 1 MiB/))
  })
  it('gets no more memory than its limit', async (t) => {
    const root = await writeRepository(t, { 'kustomization.yaml': 'resources: [a.yaml]\n', 'a.yaml': configMap('a') })
    await assert.rejects(
      renderPath(renderer({ buildMemoryBytes: 64 * 1024 * 1024 }), root, ''),
      refused('kustomize-memory', /needed more than 64 MiB of memory$/),
    )
  })
  it('tells what it printed as an error, shortened, with paths of the repository', async (t) => {
    const { rendered } = await run(t, `echo "Error: $4/a.yaml is bad" >&2; exit 1`)
    await assert.rejects(rendered, refused('kustomize-failed', /build failed: .*a\.yaml is bad/))
  })
  it('is looked for on the path, and missed with a fix', async (t) => {
    const root = await writeRepository(t, { 'kustomization.yaml': 'resources: [a.yaml]\n', 'a.yaml': configMap('a') })
    await assert.rejects(renderPath(createRenderer({ searchPath: root }), root, ''), refused('kustomize-not-found', /no kustomize/))
    await assert.rejects(
      renderPath(createRenderer({ kustomizePath: '/nonexistent/kustomize' }), root, ''),
      refused('kustomize-not-found', /not at/),
    )
    await symlink(kustomizePath, join(root, 'kustomize'))
    assert.equal((await renderPath(createRenderer({ searchPath: `relative:${root}` }), root, '')).rendering.objects.length, 1)
  })
})

describe('kubectl in the place of kustomize', () => {
  it('is quoted without what its log puts around an error', async (t) => {
    const root = await writeRepository(t, { 'kustomization.yaml': 'resources: [a.yaml]\n', 'a.yaml': configMap('a') })
    const program = join(root, 'kubectl')
    const words = `E1125 22:33:44.123456    9951 run.go:72] "command failed" err="no matches for Id"`
    await writeFile(program, `#!/bin/sh\n[ "$1" = version ] && echo v5.5.0 && exit 0\necho '${words}' >&2\nexit 1\n`)
    await chmod(program, 0o755)
    await assert.rejects(renderPath(createRenderer({ kustomizePath: program }), root, ''), (error: unknown) => {
      assert.match(String(error), /: no matches for Id$/)
      return true
    })
  })
})
