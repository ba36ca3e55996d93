/** What a render may cost. Every figure bounds something that a commit's author chooses. */
export interface RenderLimits {
  /** Bytes of one file. */
  readonly fileBytes: number
  /** Files that one render may read. */
  readonly files: number
  /** Bytes of all files that one render may read. */
  readonly totalBytes: number
  /** Bytes of one object as JSON; the API server refuses more than 1.5 MiB. */
  readonly objectBytes: number
  /** Objects of one application. */
  readonly objects: number
  /** Characters that the aliases of one YAML document may stand for. */
  readonly aliasBytes: number
  /** Nesting of maps and lists, with aliases written out. */
  readonly depth: number
  /** Wall time of one kustomize build. */
  readonly buildTimeoutMs: number
  /** Address space of one kustomize build. */
  readonly buildMemoryBytes: number
  /** Output of one kustomize build. */
  readonly buildOutputBytes: number
  /** Renders that run at the same time. */
  readonly concurrency: number
  /** Memory for renderings that may be needed again. */
  readonly cacheBytes: number
}

const MIB = 1024 * 1024

export const DEFAULT_LIMITS: RenderLimits = {
  fileBytes: 8 * MIB,
  files: 10_000,
  totalBytes: 64 * MIB,
  objectBytes: 1.5 * MIB,
  objects: 20_000,
  aliasBytes: 4 * MIB,
  depth: 400,
  buildTimeoutMs: 60_000,
  buildMemoryBytes: 2048 * MIB,
  buildOutputBytes: 64 * MIB,
  concurrency: 2,
  cacheBytes: 128 * MIB,
}
