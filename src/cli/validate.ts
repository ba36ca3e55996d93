import { checkConfiguration } from '../config/load.ts'
import { GitwakeError } from '../model/error.ts'
import { displayProblem } from '../config/problem.ts'
import type { Terminal } from './terminal.ts'

/** `gitwake validate [PATH]`: checks the files without starting anything; 0 valid, 1 not. */
export async function validate(terminal: Terminal, options: { readonly path: string; readonly json: boolean }): Promise<number> {
  const { path, json } = options
  const checked = await checkConfiguration(path).catch((error: unknown) => {
    // Whoever asked for JSON reads nothing else, not even where there is nothing to check.
    if (json && error instanceof GitwakeError) return unreadable(path, error)
    throw error
  })
  if (json) {
    const { valid, files } = checked
    terminal.out(`${JSON.stringify({ valid, files, problems: checked.valid ? [] : checked.problems }, null, 2)}\n`)
  } else if (checked.valid) {
    const { repositories, clusters, applications, tokens } = checked.configuration
    const counted = [
      count(repositories.size, 'repository', 'repositories'),
      count(clusters.size, 'cluster'),
      count(applications.size, 'application'),
      ...(tokens.size > 0 ? [count(tokens.size, 'token')] : []),
    ]
    terminal.out(`${path} is valid: ${counted.join(', ')} in ${count(checked.files.length, 'file')}\n`)
  } else {
    terminal.err(`${checked.problems.map(displayProblem).join('\n')}\n${count(checked.problems.length, 'problem')} in ${path}\n`)
  }
  return checked.valid ? 0 : 1
}

function unreadable(path: string, { message, fix }: GitwakeError) {
  const problem = { file: path, document: 0, path: '', message: `${message} ${fix}` }
  return { valid: false as const, files: [], problems: [problem] }
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`
}
