import { mkdir, writeFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { GitwakeError } from '../model/error.ts'
import { objectIdOf, objectKey, type ObjectKey } from '../model/object.ts'
import type { RenderInputs, Tree } from '../model/tree.ts'
import { runChild, type ChildResult } from './child.ts'
import { kustomizeClosure } from './closure.ts'
import { drain } from './drain.ts'
import { describeInputs } from './inputs.ts'
import { isKustomization } from './kustomization.ts'
import type { KustomizeProgram } from './kustomize-program.ts'
import type { RenderLimits } from './limits.ts'
import { createManifestReader, type ManifestReader } from './manifests.ts'
import { directoryOf, nameOf } from './paths.ts'
import { withScratch, type Scratch } from './scratch.ts'

/** What a build of this directory reads: the kustomization and all that it names. */
export async function kustomizeInputs(
  tree: Tree,
  path: string,
  program: KustomizeProgram,
  limits: RenderLimits,
  signal: AbortSignal,
): Promise<RenderInputs> {
  const { files, reads } = await kustomizeClosure(tree, path, limits, signal)
  return describeInputs({ renderer: 'kustomize', program: program.version, path, files, skipped: [], reads }, limits)
}

/** Runs `kustomize build` on exactly the files of the inputs and reads what it prints. */
export async function buildKustomization(
  tree: Tree,
  inputs: RenderInputs,
  program: KustomizeProgram,
  limits: RenderLimits,
  signal: AbortSignal,
): Promise<ManifestReader> {
  const origin = kustomizationOf(inputs)
  const output = await build(tree, inputs, program, limits, signal)
  const reader = createManifestReader(limits)
  await drain(reader.read(origin, output), signal)
  return reader
}

function kustomizationOf({ files, path }: RenderInputs): string {
  return files.find((file) => directoryOf(file.path) === path && isKustomization(nameOf(file.path)))?.path ?? path
}

/** What `kustomize build` prints; `target` prepares the directory that is built, where that is not the application's own. */
async function build(
  tree: Tree,
  inputs: RenderInputs,
  program: KustomizeProgram,
  limits: RenderLimits,
  signal: AbortSignal,
  target = ({ root }: Scratch): Promise<string> => Promise.resolve(join(root, inputs.path)),
): Promise<Buffer> {
  return await withScratch(tree, inputs.files, signal, async (scratch) => {
    const result = await runChild(
      {
        program: program.path,
        // Files outside of a kustomization's own directory are refused; bases as directories are not.
        arguments: [...program.arguments, '--load-restrictor', 'LoadRestrictionsRootOnly', await target(scratch)],
        directory: scratch.root,
        environment: environmentOf(scratch, limits),
        timeoutMs: limits.buildTimeoutMs,
        memoryBytes: limits.buildMemoryBytes,
        outputBytes: limits.buildOutputBytes,
      },
      signal,
    )
    return outputOf(result, kustomizationOf(inputs), scratch, limits)
  })
}

const ORIGIN_ANNOTATION = 'config.kubernetes.io/origin'
/** Beside the repository's own directories. */
const WRAPPER = '.gitwake-origins'

/**
 * The file that each object comes from, by its key as rendered: a base, a component, or the kustomization whose generator made it. Builds once
 * more, with a kustomization around that one which has kustomize write it down; what is applied never carries it.
 */
export async function kustomizeOrigins(
  tree: Tree,
  inputs: RenderInputs,
  program: KustomizeProgram,
  limits: RenderLimits,
  signal: AbortSignal,
): Promise<ReadonlyMap<ObjectKey, string>> {
  const output = await build(tree, inputs, program, limits, signal, async ({ root }) => {
    const wrapper = join(root, WRAPPER)
    await mkdir(wrapper, { mode: 0o700 })
    const around = { resources: [posix.join('..', inputs.path)], buildMetadata: ['originAnnotations'] }
    await writeFile(join(wrapper, 'kustomization.yaml'), JSON.stringify(around), { mode: 0o600, flag: 'wx' })
    return wrapper
  })
  const reader = createManifestReader(limits)
  await drain(reader.read(kustomizationOf(inputs), output), signal)
  return new Map(
    reader.objects.flatMap(({ manifest }) => {
      const told = /^(?:path|configuredIn): ["']?(.+?)["']?$/m.exec(manifest.metadata.annotations?.[ORIGIN_ANNOTATION] ?? '')?.[1]
      return told === undefined ? [] : [[objectKey(objectIdOf(manifest)), posix.join(WRAPPER, told)] as const]
    }),
  )
}

/**
 * Built from nothing. An empty PATH means that no git, helm or function runs. The proxy is a port where nobody listens: a URL that got past
 * the check of the entries goes nowhere.
 */
function environmentOf(scratch: Scratch, limits: RenderLimits): Readonly<Record<string, string>> {
  const nowhere = 'http://127.0.0.1:9'
  return {
    HOME: scratch.home,
    TMPDIR: scratch.home,
    PATH: '',
    LC_ALL: 'C',
    HTTP_PROXY: nowhere,
    HTTPS_PROXY: nowhere,
    // Go frees memory before it reaches the hard limit of the address space.
    GOMEMLIMIT: String(Math.floor(limits.buildMemoryBytes / 2)),
    GOMAXPROCS: '2',
  }
}

function outputOf(result: ChildResult, origin: string, scratch: Scratch, limits: RenderLimits): Buffer {
  const failed = (code: string, message: string, fix: string, retryable = false): GitwakeError =>
    new GitwakeError(code, `${origin}: ${message}`, {
      fix,
      retryable,
      origin: { file: origin, document: 1 },
    })
  switch (result.kind) {
    case 'exited': {
      if (result.code === 0) return result.stdout
      const said = explain(result.stderr, scratch)
      if (/out of memory|failed to reserve|cannot allocate memory/i.test(result.stderr)) {
        const size = `${Math.round(limits.buildMemoryBytes / 1024 / 1024)} MiB`
        throw failed(
          'kustomize-memory',
          `kustomize build needed more than ${size} of memory`,
          'Look for runaway anchors, or split the application.',
        )
      }
      if (result.code === null)
        throw failed('kustomize-killed', 'kustomize build was killed', 'See whether the machine ran out of memory.', true)
      throw failed(
        'kustomize-failed',
        `kustomize build failed: ${said}`,
        'Run kustomize build on this directory and correct what it reports.',
      )
    }
    case 'timed out':
      throw failed(
        'kustomize-timeout',
        `kustomize build took longer than ${limits.buildTimeoutMs / 1000} s`,
        'Split the application.',
        true,
      )
    case 'too much output': {
      const size = `${Math.round(limits.buildOutputBytes / 1024 / 1024)} MiB`
      throw failed('kustomize-output', `kustomize build printed more than ${size}`, 'Split the application.')
    }
    case 'not started':
      throw new GitwakeError('kustomize-not-found', 'kustomize could not be started', {
        fix: 'Check that the worker may start processes.',
        retryable: true,
        cause: result.cause,
      })
  }
}

/** Where a crash of a Go program goes on with its stacks. */
const GO_TRACE = /\n\n(?:goroutine \d|runtime stack:)[^]*$/

/** What kubectl writes around the one thing that it has to say: `E1125 22:33:44.123456 99 run.go:72] "command failed" err="…"`. */
const KLOG = /^[EF]\d{4} [\d:.]+ +\d+ [\w.]+:\d+\] "command failed" err="([^]*)"$/

/** What kustomize said, with paths of the repository instead of those of the scratch directory. */
function explain(stderr: string, scratch: Scratch): string {
  const text = stderr
    .replaceAll(`${scratch.root}/`, '')
    .replaceAll(scratch.root, '.')
    .trim()
    .replace(/^Error: /, '')
    .replace(KLOG, '$1')
    .replace(GO_TRACE, '')
  return text.length > 2000 ? `${text.slice(0, 2000)} …` : text
}
