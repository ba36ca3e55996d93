import { GitwakeError } from '../model/error.ts'
import { sha256 } from '../model/digest.ts'
import { canonicalJson } from '../model/json.ts'
import type { RenderInputs, TreeFile } from '../model/tree.ts'
import type { RenderLimits } from './limits.ts'

/** Part of every digest: raise it when the same files come to mean other objects. */
const VERSION = 1

/** What a render reads, with the digest that names it. `program` is what else decides the outcome: the version of kustomize. */
export function describeInputs(
  found: Omit<RenderInputs, 'digest'> & {
    readonly program: string
    readonly skipped: readonly string[]
  },
  limits: RenderLimits,
): RenderInputs {
  const { renderer, path, program, skipped, reads } = found
  const files = found.files.toSorted((one, other) => (one.path < other.path ? -1 : 1))
  checkSizes(files, limits)
  const read = files.map((file) => [file.path, file.oid])
  const digest = sha256(canonicalJson({ version: VERSION, renderer, program, path, files: read, skipped }))
  return { digest, renderer, path, files, reads }
}

function checkSizes(files: readonly TreeFile[], limits: RenderLimits): void {
  for (const { path, size } of files) {
    if (size <= limits.fileBytes) continue
    const message = `${path} has ${mebibytes(size)}, more than the ${mebibytes(limits.fileBytes)} that a manifest may have`
    throw new GitwakeError('file-too-large', message, {
      fix: 'Split the file, or list it in .gitwakeignore where it is no manifest.',
    })
  }
  const fix = 'Split the path into several applications, or list what is no manifest in .gitwakeignore.'
  if (files.length > limits.files) {
    throw new GitwakeError('too-many-files', `${files.length} files would be read, more than the ${limits.files} of one render`, { fix })
  }
  const total = files.reduce((sum, { size }) => sum + size, 0)
  if (total > limits.totalBytes) {
    const message = `${files.length} files with ${mebibytes(total)} would be read, more than the ${mebibytes(limits.totalBytes)} of one render`
    throw new GitwakeError('too-many-files', message, { fix })
  }
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}
