import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import type { GitwakeError } from '../../src/model/error.ts'
import type { Application } from '../../src/model/configuration.ts'
import type { Json } from '../../src/model/json.ts'
import type { Rendering, RenderInputs, Tree } from '../../src/model/tree.ts'
import type { Renderer } from '../../src/sync/ports.ts'
import { DEFAULT_LIMITS, type RenderLimits } from '../../src/render/limits.ts'
import { openLocalTree } from '../../src/render/local.ts'
import { createManifestReader, type ManifestReader } from '../../src/render/manifests.ts'
import { manifestError } from '../../src/render/problem.ts'

/** Writes files into a new directory that counts as a repository; it goes when the test ends. */
export async function writeRepository(t: TestContext, files: Readonly<Record<string, string | Buffer>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'gitwake-test-'))
  t.after(() => rm(root, { recursive: true, force: true }))
  await mkdir(join(root, '.git'))
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), content)
  }
  return root
}

export function applicationAt(path: string): Application {
  return {
    name: 'shop',
    source: { repository: 'shop', ref: 'refs/heads/main', path },
    destination: { cluster: 'test', namespace: 'shop', createNamespace: true },
    sync: { prune: true, selfHeal: true, partial: false, preflight: true, undeclared: 'report', healthTimeoutMs: 0 },
    dependsOn: [],
  }
}

export interface Rendered {
  readonly tree: Tree
  readonly inputs: RenderInputs
  readonly rendering: Rendering
}

/** Inputs and rendering of a path of a directory. */
export async function renderPath(renderer: Renderer, root: string, path: string, signal = AbortSignal.timeout(60_000)): Promise<Rendered> {
  const { tree } = await openLocalTree(root)
  const inputs = await renderer.inputs(tree, applicationAt(path), signal)
  return { tree, inputs, rendering: await renderer.render(tree, inputs, signal) }
}

/** Reads texts as files of one render. */
export function readManifests(files: Readonly<Record<string, string | Buffer>>, limits: Partial<RenderLimits> = {}): ManifestReader {
  const reader = createManifestReader({ ...DEFAULT_LIMITS, ...limits })
  for (const [file, content] of Object.entries(files)) for (const _ of reader.read(file, Buffer.from(content))) void _
  return reader
}

/** What a text is refused with. Fails where it is not refused. */
export function refusalOf(text: string | Buffer, file = 'a.yaml', limits: Partial<RenderLimits> = {}): GitwakeError {
  const error = manifestError(readManifests({ [file]: text }, limits).problems)
  if (error === undefined) throw new Error(`${JSON.stringify(String(text).slice(0, 200))} was accepted`)
  return error
}

/** The first object of a text. Throws what it is refused with. */
export function manifestOf(text: string, file = 'a.yaml'): Json {
  const reader = readManifests({ [file]: text })
  const error = manifestError(reader.problems)
  if (error !== undefined) throw error
  const [first] = reader.objects
  if (first === undefined) throw new Error('nothing was read')
  return first.manifest
}
