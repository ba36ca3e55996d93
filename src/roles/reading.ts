import type { Application } from '../model/configuration.ts'
import type { SyncResult } from '../model/result.ts'
import type { RenderInputs } from '../model/tree.ts'
import type { Read } from '../queue/reads.ts'
import type { Renderer } from '../sync/ports.ts'

/** A renderer that remembers what it read last. */
export interface Reading {
  readonly renderer: Renderer
  /** What the cluster carries now and was made of; undefined where the result says anything else than that all is well at the branch's head. */
  of(result: SyncResult, application: Application): Read | undefined
}

export function openReading(renderer: Renderer): Reading {
  let last: { readonly revision: string; readonly inputs: RenderInputs } | undefined
  return {
    renderer: {
      ...renderer,
      async inputs(tree, application, signal) {
        last = undefined
        const inputs = await renderer.inputs(tree, application, signal)
        last = { revision: tree.revision, inputs }
        return inputs
      },
    },
    of({ outcome, revision, head, changes }, { source: { repository, ref, path } }) {
      const isThere = outcome === 'synced' || outcome === 'not affected'
      const isWhole = !changes.some(({ action }) => action === 'failed' || action === 'held')
      if (!isThere || !isWhole || head !== undefined || last === undefined || last.revision !== revision) return undefined
      return { revision, set: { repository, ref, path, inputs: last.inputs.digest, paths: last.inputs.reads } }
    },
  }
}
