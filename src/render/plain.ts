import type { RenderInputs, Tree, TreeFile } from '../model/tree.ts'
import { GitwakeError } from '../model/error.ts'
import { drain } from './drain.ts'
import { createIgnore, IGNORE_FILE } from './ignore.ts'
import { describeInputs } from './inputs.ts'
import { isKustomization } from './kustomization.ts'
import type { RenderLimits } from './limits.ts'
import { createManifestReader, type ManifestReader } from './manifests.ts'
import { directoryOf, displayDirectory, isBelow, nameOf } from './paths.ts'

const MANIFEST = /\.(ya?ml|json)$/

interface Listing {
  readonly manifests: readonly TreeFile[]
  readonly ignoreFiles: readonly TreeFile[]
  /** What is not a regular file, and why that matters. */
  readonly skipped: readonly string[]
}

/** A directory of YAML and JSON files, recursively, without what .gitwakeignore names. */
export async function plainInputs(tree: Tree, path: string, limits: RenderLimits, signal: AbortSignal): Promise<RenderInputs> {
  const { manifests, ignoreFiles, skipped } = await listManifests(tree, path, limits, signal)
  const kept = manifests.filter((file) => !isKustomization(nameOf(file.path)) && nameOf(file.path) !== 'Chart.yaml')
  if (kept.length < manifests.length) refuseNested(path, manifests)
  return describeInputs({ renderer: 'plain', program: '', path, files: [...manifests, ...ignoreFiles], skipped, reads: [path] }, limits)
}

/** Reads the files that plainInputs found. */
export async function readPlain(tree: Tree, inputs: RenderInputs, limits: RenderLimits, signal: AbortSignal): Promise<ManifestReader> {
  const files = inputs.files.filter((file) => nameOf(file.path) !== IGNORE_FILE)
  const contents = await tree.read(files, signal)
  const reader = createManifestReader(limits)
  await drain(readAll(reader, files, contents), signal)
  return reader
}

function* readAll(reader: ManifestReader, files: readonly TreeFile[], contents: readonly Buffer[]): Generator<void, void, void> {
  for (const [index, content] of contents.entries()) yield* reader.read(files[index]?.path ?? '', content)
}

/** Warnings about what a plain directory holds besides regular files. */
export async function plainWarnings(tree: Tree, path: string, limits: RenderLimits, signal: AbortSignal): Promise<readonly string[]> {
  return (await listManifests(tree, path, limits, signal)).skipped
}

async function listManifests(tree: Tree, path: string, limits: RenderLimits, signal: AbortSignal): Promise<Listing> {
  const { files, skipped } = await tree.list(path, signal)
  const relative = (file: string): string => (path === '' ? file : file.slice(path.length + 1))
  const ignoreFiles = files.filter((file) => nameOf(file.path) === IGNORE_FILE && file.size <= limits.fileBytes)
  const texts = await tree.read(ignoreFiles, signal)
  const rules = new Map(ignoreFiles.map((file, index) => [directoryOf(relative(file.path)), texts[index]?.toString('utf8') ?? '']))
  const ignore = createIgnore(rules)
  const isWanted = (file: string): boolean => !ignore.isIgnored(relative(file))
  return {
    manifests: files.filter((file) => (MANIFEST.test(file.path) || isKustomization(nameOf(file.path))) && isWanted(file.path)),
    ignoreFiles,
    skipped: skipped.filter((entry) => isWanted(entry.path)).map(({ path: file, why }) => `${file} is skipped: ${why}`),
  }
}

/** Their files mean something else than they say, so applying them as they are would be wrong. */
function refuseNested(path: string, manifests: readonly TreeFile[]): never {
  const directories = new Map<string, string>()
  for (const { path: file } of manifests) {
    const name = nameOf(file)
    if (name === 'Chart.yaml') directories.set(directoryOf(file), 'a Helm chart')
    else if (isKustomization(name)) directories.set(directoryOf(file), 'a kustomization')
  }
  if (directories.has(path)) {
    const message = `${displayDirectory(path)} is a Helm chart, which gitwake does not render`
    throw new GitwakeError('helm-chart', message, {
      fix: 'Commit what helm template prints, and point the application at that.',
    })
  }
  const all = [...directories.keys()]
  const outermost = all.filter((one) => !all.some((other) => other !== one && isBelow(one, other)))
  const listed = outermost.slice(0, 10).map((directory) => `${directory} is ${directories.get(directory)}`)
  const message = `${displayDirectory(path)} is read as plain manifests, but ${listed.join(', and ')}`
  const example = (outermost[0] ?? '').slice(path === '' ? 0 : path.length + 1)
  const fix = `Point the application's path at it, write a kustomization.yaml above it, or list it in .gitwakeignore (/${example}/).`
  throw new GitwakeError('nested-renderer', message, { fix })
}
