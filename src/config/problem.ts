import { GitwakeError } from '../model/error.ts'

/** One thing that is wrong with the configuration, and where. */
export interface ConfigurationProblem {
  /** As users know it: relative to the configured path where that is a folder. */
  readonly file: string
  /** Number of the YAML document in the file, 1 is the first; 0 where the file as a whole is meant. */
  readonly document: number
  /** `Application shop-prod`, where the document says so. */
  readonly subject?: string
  /** `spec.source.ref`; '' where the document as a whole is meant. */
  readonly path: string
  /** What is wrong and what to do, as the rest of a sentence. */
  readonly message: string
}

/** `gitwake.yaml (document 3), Application shop-prod: spec.source.ref: is missing`. */
export function displayProblem(problem: ConfigurationProblem): string {
  const place = problem.document > 0 ? `${problem.file} (document ${problem.document})` : problem.file
  const subject = problem.subject === undefined ? '' : `, ${problem.subject}`
  return `${place}${subject}: ${problem.path === '' ? '' : `${problem.path}: `}${problem.message}`
}

/** All problems as one error `configuration-invalid`, whose message names every one of them. */
export function configurationError(problems: readonly ConfigurationProblem[]): GitwakeError {
  const lines = problems.map(displayProblem)
  const message =
    lines.length === 1
      ? `The configuration is not valid: ${lines[0]}`
      : `The configuration has ${lines.length} problems:\n${lines.map((line) => `  - ${line}`).join('\n')}`
  return new GitwakeError('configuration-invalid', message, {
    fix: 'Correct what is named above; "gitwake validate" checks the files without starting anything.',
  })
}
