import type { Application, Repository } from '../model/configuration.ts'
import type { RenderInputs, Rendering, Tree } from '../model/tree.ts'

/** Git, as a sync needs it. */
export interface Source {
  /**
   * Fetches the head of a fully qualified ref and opens its tree.
   * Throws GitwakeError: `git-unreachable` (retryable), `ref-not-found`, `git-authentication`, `url-refused`, `git-timeout` (retryable), …
   */
  fetch(repository: Repository, ref: string, signal: AbortSignal): Promise<Tree>
  /** Lists the heads of the given refs in one request. A ref that does not exist is missing from the map. */
  heads(repository: Repository, refs: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>>
}

/** Manifests from a tree. */
export interface Renderer {
  /**
   * Finds out what a render of this path reads, without rendering.
   * Throws GitwakeError `path-not-found` (held) where the path does not exist in the commit.
   */
  inputs(tree: Tree, application: Application, signal: AbortSignal): Promise<RenderInputs>
  /** Throws GitwakeError (not retryable) naming file, document and field for whatever is wrong with the manifests. */
  render(tree: Tree, inputs: RenderInputs, signal: AbortSignal): Promise<Rendering>
}
