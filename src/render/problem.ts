import { GitwakeError } from '../model/error.ts'
import { displayName, displayOrigin, type ObjectId, type Origin } from '../model/object.ts'

/** One thing that is wrong with the manifests. Messages carry names, keys and types, never values: values may be secret. */
export interface ManifestProblem {
  readonly code: string
  /** Without the place: `metadata.labels.version is a number`. */
  readonly message: string
  readonly fix: string
  readonly origin: Origin
  /** 1 is the first line of the file. */
  readonly line?: number
  readonly object?: ObjectId
}

const SHOWN = 20

/** `apps/api.yaml:12: Deployment/shop/api: metadata.labels.version is a number`. */
export function displayProblem(problem: ManifestProblem): string {
  const { file, document } = problem.origin
  const place = problem.line === undefined ? displayOrigin(problem.origin) : displayOrigin({ file: `${file}:${problem.line}`, document })
  const name = problem.object === undefined ? '' : `${displayName(problem.object)}: `
  // Names and keys come from a commit and go to terminals: no escape sequences.
  return `${place}: ${name}${problem.message}`.replaceAll(/\p{Cc}/gu, '\uFFFD')
}

/** One error for all problems: its message lists them, its code, fix and origin are those of the first. Undefined for none. */
export function manifestError(problems: readonly ManifestProblem[]): GitwakeError | undefined {
  const [first] = problems
  if (first === undefined) return undefined
  const options = {
    fix: first.fix,
    origin: first.origin,
    ...(first.object && { object: first.object }),
  }
  if (problems.length === 1) return new GitwakeError(first.code, displayProblem(first), options)
  const lines = problems.slice(0, SHOWN).map((problem) => `- ${displayProblem(problem)}. ${problem.fix}`)
  if (problems.length > SHOWN) lines.push(`- and ${problems.length - SHOWN} more`)
  return new GitwakeError(first.code, `${problems.length} problems in the manifests:\n${lines.join('\n')}`, options)
}
