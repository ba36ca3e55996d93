import { createHash, randomBytes } from 'node:crypto'
import type { Right } from '../model/access.ts'
import type { Terminal } from './terminal.ts'

/** What the new token shall open. */
export interface NewToken {
  readonly name: string
  readonly allow: Right
  readonly applications: readonly string[]
  readonly clusters: readonly string[]
  /** How long it shall be valid, in milliseconds. */
  readonly validMs: number | undefined
  readonly now: number
}

/**
 * `gitwake token NAME`: the document for the configuration on standard output, so that it can be appended to a file, and the token itself, which
 * is kept nowhere, on standard error.
 */
export function token(terminal: Terminal, wanted: NewToken): number {
  // The prefix lets scanners of repositories and logs know it for what it is.
  const secret = `gwt_${randomBytes(32).toString('base64url')}`
  terminal.err(`${secret}\n\nThis is the token. It is shown only now: what belongs into the configuration is its hash.\n`)
  terminal.out(documentOf(wanted, createHash('sha256').update(secret).digest('hex')))
  return 0
}

function documentOf({ name, allow, applications, clusters, validMs, now }: NewToken, sha256: string): string {
  const list = (field: string, patterns: readonly string[]): readonly string[] =>
    patterns.length === 0 ? [] : [`  ${field}: ${JSON.stringify(patterns)}`]
  const lines = [
    '---',
    'apiVersion: gitwake.dev/v1',
    'kind: Token',
    `metadata: {name: ${name}}`,
    'spec:',
    `  hash: sha256:${sha256}`,
    `  allow: ${allow}`,
    ...list('applications', applications),
    ...list('clusters', clusters),
    ...(validMs === undefined ? [] : [`  expires: "${new Date(now + validMs).toISOString().slice(0, 16)}Z"`]),
  ]
  return `${lines.join('\n')}\n`
}
