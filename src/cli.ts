import { Command, CommanderError, Help, type Option } from 'commander'
import { addRemoteCommands } from './cli/commands/ask.ts'
import type { Context, Roles } from './cli/commands/context.ts'
import { addLocalCommands } from './cli/commands/local.ts'
import { addRoles } from './cli/commands/run.ts'
import { processTerminal, type Terminal } from './cli/terminal.ts'
import { environmentValue, readSettings, type Environment, type Settings } from './config.ts'
import { GitwakeError } from './model/error.ts'
import { maskSecrets } from './model/mask.ts'
import { gitwakeVersion } from './version.ts'

export interface CliOptions {
  /** Without the program's own name. */
  readonly parameters: readonly string[]
  readonly roles: Roles
  /** In place of this process's own environment. */
  readonly environment?: Environment
  readonly terminal?: Terminal
  readonly signal?: AbortSignal
}

/** Runs one command and gives its exit code: 0 done, 1 refused or failed, 2 wrong usage, 3 not done in time. Never throws for what a user can mend. */
export async function runCli(options: CliOptions): Promise<number> {
  const { parameters, roles, environment, terminal = processTerminal(), signal = new AbortController().signal } = options
  let code = 0
  const run = (action: () => Promise<number>) => async (): Promise<void> => {
    code = await action()
  }
  const program = createProgram({
    roles,
    terminal,
    signal,
    settings: () => settingsFor(environment, terminal),
    searchPath: environmentValue('PATH'),
    run,
  })
  try {
    await program.parseAsync(parameters, { from: 'user' })
    return code
  } catch (error) {
    return failure(error, terminal, parameters)
  }
}

function createProgram(context: Context): Command {
  const { terminal } = context
  const program = new Command('gitwake')
    .description('GitOps that wakes on a push: Git is the only way to change a Kubernetes cluster.')
    .version(gitwakeVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .configureHelp({ optionDescription })
    .showSuggestionAfterError()
    .showHelpAfterError('Run with --help for what there is.')
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .addHelpText(
      'after',
      `\nSettings come from the environment: .env.example lists them. The configuration is ./gitwake.yaml, or what GITWAKE_CONFIG names.\n`,
    )
  addRoles(program, context)
  addLocalCommands(program, context)
  addRemoteCommands(program, context)
  return program
}

/** Off, or none, unless it is given: nobody has to be told. */
function optionDescription(option: Option): string {
  const { defaultValue, description } = option
  const isNothing = defaultValue === false || (Array.isArray(defaultValue) && defaultValue.length === 0)
  return isNothing ? description : new Help().optionDescription(option)
}

function settingsFor(environment: Environment | undefined, terminal: Terminal): Settings {
  const { settings, warnings } = readSettings(environment)
  for (const warning of warnings) terminal.err(`gitwake: ${warning}\n`)
  return settings
}

function failure(error: unknown, terminal: Terminal, parameters: readonly string[]): number {
  // Commander has written its own message by now. A plan's 2 means changes, so that a wrong usage of it must not look like them.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : parameters[0] === 'plan' ? 1 : 2
  if (error instanceof GitwakeError) terminal.err(`gitwake: ${maskSecrets(error.message)}\n  → ${maskSecrets(error.fix)}\n`)
  else
    terminal.err(
      `gitwake: ${maskSecrets(error instanceof Error ? (error.stack ?? error.message) : String(error))}\n  → This is a bug in gitwake: please report it.\n`,
    )
  return 1
}
