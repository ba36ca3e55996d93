import type { Settings } from '../../config.ts'
import type { Terminal } from '../terminal.ts'

/** The commands that stay: each ends with an exit code once it was told to stop. */
export interface Roles {
  readonly start: () => Promise<number>
  readonly serve: () => Promise<number>
  readonly work: (options: { readonly cluster?: string; readonly drain: boolean }) => Promise<number>
}

/** What every command is made with. */
export interface Context {
  readonly roles: Roles
  readonly terminal: Terminal
  readonly signal: AbortSignal
  readonly settings: () => Settings
  readonly searchPath: string | undefined
  readonly run: (action: () => Promise<number>) => () => Promise<void>
}

/** Examples for the end of a help text. */
export function example(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}\n`
}
