import { VARIABLES, type Variable } from './variables.ts'

const HEADER = `# The environment of gitwake: every variable with its default. Copy this file to .env and change what you need.
# Empty means unset. What is here is checked at start; all problems are reported at once.
`

/** The text of .env.example, from the table that the program itself reads. */
export function environmentExample(): string {
  return `${HEADER}\n${Object.values(VARIABLES).map(paragraph).join('\n')}`
}

function paragraph(variable: Variable<unknown>): string {
  const lines = wrap(variable.doc, 110).map((line) => `# ${line}`)
  return `${lines.join('\n')}\n${variable.name}=${variable.initial}\n`
}

/** The table of docs/reference/configuration.md. */
export function environmentTable(): string {
  const rows = Object.values(VARIABLES).map(
    (variable) =>
      `| \`${variable.name}\` | ${variable.initial === '' ? '' : `\`${variable.initial}\``} | ${variable.type} | ${variable.doc} |`,
  )
  return ['| variable | default | value | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
