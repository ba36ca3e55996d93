import { GitwakeError } from '../model/error.ts'
import { createSemaphore } from '../model/semaphore.ts'
import type { Rendering, RenderInputs, Tree } from '../model/tree.ts'
import type { Renderer } from '../sync/ports.ts'
import { createCache } from './cache.ts'
import { isKustomization } from './kustomization.ts'
import { findKustomize, type KustomizeProgram } from './kustomize-program.ts'
import { buildKustomization, kustomizeInputs, kustomizeOrigins } from './kustomize.ts'
import { DEFAULT_LIMITS, type RenderLimits } from './limits.ts'
import { directoryOf, displayDirectory, nameOf } from './paths.ts'
import { plainInputs, plainWarnings, readPlain } from './plain.ts'
import { renderingOf, type MeasuredRendering } from './rendering.ts'

export interface RendererOptions {
  /** The kustomize program; without it `kustomize`, else `kubectl`, is looked for on the search path. */
  readonly kustomizePath?: string
  /** PATH of the environment. */
  readonly searchPath?: string
  readonly limits?: Partial<RenderLimits>
}

/** Manifests from a tree: plain YAML and JSON, or kustomize where the path holds a kustomization. Renderings are kept by their inputs' digest. */
export function createRenderer(options: RendererOptions = {}): Renderer {
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const cache = createCache<Rendering>(limits.cacheBytes)
  const places = createSemaphore(limits.concurrency)
  let found: KustomizeProgram | undefined

  async function kustomize(signal: AbortSignal): Promise<KustomizeProgram> {
    found ??= await findKustomize({ kustomizePath: options.kustomizePath, searchPath: options.searchPath }, signal)
    return found
  }

  async function read(tree: Tree, inputs: RenderInputs, signal: AbortSignal): Promise<MeasuredRendering> {
    switch (inputs.renderer) {
      case 'plain': {
        const warnings = await plainWarnings(tree, inputs.path, limits, signal)
        return renderingOf(await readPlain(tree, inputs, limits, signal), warnings)
      }
      case 'kustomize':
        return renderingOf(await buildKustomization(tree, inputs, await kustomize(signal), limits, signal), [])
    }
  }

  return {
    async inputs(tree, application, signal) {
      const { path } = application.source
      if ((await tree.treeOid(path, signal)) === undefined) throw pathNotFound(path, tree.revision)
      if (await holdsKustomization(tree, path, signal)) return kustomizeInputs(tree, path, await kustomize(signal), limits, signal)
      return plainInputs(tree, path, limits, signal)
    },

    async origins(tree, inputs, signal) {
      if (inputs.renderer === 'plain') return new Map()
      const release = await places.acquire(signal)
      try {
        return await kustomizeOrigins(tree, inputs, await kustomize(signal), limits, signal)
      } finally {
        release()
      }
    },

    async render(tree, inputs, signal) {
      const known = cache.get(inputs.digest)
      if (known !== undefined) return known
      const release = await places.acquire(signal)
      try {
        const meanwhile = cache.get(inputs.digest)
        if (meanwhile !== undefined) return meanwhile
        const { rendering, bytes } = await read(tree, inputs, signal)
        cache.set(inputs.digest, rendering, bytes)
        return rendering
      } finally {
        release()
      }
    },
  }
}

async function holdsKustomization(tree: Tree, path: string, signal: AbortSignal): Promise<boolean> {
  const { files } = await tree.list(path, signal)
  return files.some((file) => directoryOf(file.path) === path && isKustomization(nameOf(file.path)))
}

function pathNotFound(path: string, revision: string): GitwakeError {
  const message = `${displayDirectory(path)} is not a directory of ${/^[0-9a-f]{40,}$/.test(revision) ? revision.slice(0, 12) : revision}`
  const fix = "Correct the application's path, or bring the directory back: nothing is deleted because it is missing."
  return new GitwakeError('path-not-found', message, { fix, held: true })
}
