import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import type { Client } from './cli/client.ts'
import type { Order } from './cli/sync.ts'
import { processTerminal, type Terminal } from './cli/terminal.ts'
import { DNS_LABEL } from './config/decode.ts'
import { environmentValue, readSettings, type Environment, type Settings } from './config.ts'
import { RIGHTS, type Right } from './model/access.ts'
import { GitwakeError } from './model/error.ts'
import { parseDuration } from './model/duration.ts'
import { maskSecrets } from './model/mask.ts'
import { gitwakeVersion } from './version.ts'

/** The commands that stay: each ends with an exit code once it was told to stop. */
export interface Roles {
  readonly start: () => Promise<number>
  readonly serve: () => Promise<number>
  readonly work: (options: { readonly cluster?: string; readonly drain: boolean }) => Promise<number>
}

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

interface Context {
  readonly roles: Roles
  readonly terminal: Terminal
  readonly signal: AbortSignal
  readonly settings: () => Settings
  readonly searchPath: string | undefined
  readonly run: (action: () => Promise<number>) => () => Promise<void>
}

function createProgram(context: Context): Command {
  const { terminal } = context
  const program = new Command('gitwake')
    .description('GitOps that wakes on a push: Git is the only way to change a Kubernetes cluster.')
    .version(gitwakeVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
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

function addRoles(program: Command, { roles, run }: Context): void {
  program.commandsGroup('Run:')
  program
    .command('start')
    .description('receiver, API, pages and worker in one process: the default for one machine')
    .action(run(() => roles.start()))
  program
    .command('serve')
    .description('receiver, API and pages only; holds no cluster and no Git credentials')
    .action(run(() => roles.serve()))
  program
    .command('work')
    .description('worker only: takes syncs from the queue and carries them out')
    .option('--cluster <name>', 'only for this cluster (may run inside it: it needs outgoing connections only)')
    .option('--drain', 'empty the queue, then exit 0 (for scale-to-zero)', false)
    .addHelpText('after', example('gitwake work --cluster prod', 'gitwake work --drain'))
    .action((options: { cluster?: string; drain: boolean }) => run(() => roles.work(options))())
}

function addLocalCommands(program: Command, { terminal, signal, settings, searchPath, run }: Context): void {
  program.commandsGroup('Check, without a server:')
  program
    .command('validate [path]')
    .description('check the configuration and tell every problem at once')
    .option('--json', 'print the problems as JSON', false)
    .addHelpText('after', example('gitwake validate', 'gitwake validate ./clusters'))
    .action((path: string | undefined, { json }: { json: boolean }) =>
      run(async () => (await import('./cli/validate.ts')).validate(terminal, { path: path ?? settings().configurationPath, json }))(),
    )
  program
    .command('render')
    .description('print the objects of a folder or file as they would be applied')
    .addOption(new Option('--path <folder>', 'a folder of manifests, or with a kustomization').conflicts('file'))
    .option('-f, --file <file>', 'a file of manifests; - reads standard input')
    .addOption(new Option('-o, --output <format>', 'how to print them').choices(['yaml', 'json']).default('yaml'))
    .addHelpText('after', example('gitwake render --path overlays/prod', 'gitwake render -f deployment.yaml -o json'))
    .action((options: { path?: string; file?: string; output: 'yaml' | 'json' }, command: Command) =>
      run(async () => {
        const { path, file, output } = options
        const from = path !== undefined ? { path } : file !== undefined ? { file } : command.error('error: give --path FOLDER or -f FILE')
        const { render } = await import('./cli/render.ts')
        return render(terminal, { from, output, kustomizePath: settings().kustomizePath, searchPath }, signal)
      })(),
    )
  program
    .command('health')
    .description('judge the health of the objects in a file, as "kubectl get -o yaml" prints them')
    .requiredOption('-f, --file <file>', 'a file of objects with their status; - reads standard input')
    .option('--cluster <name>', 'as in this cluster of the configuration: with its health expressions')
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      example('kubectl get deployments -A -o yaml | gitwake health -f -', 'gitwake health -f certificates.yaml --cluster prod'),
    )
    .action(({ file, json, cluster }: { file: string; json: boolean; cluster?: string }) =>
      run(async () => {
        const { health } = await import('./cli/health.ts')
        const like = cluster === undefined ? undefined : { cluster, path: settings().configurationPath }
        return health(terminal, { file, json, like, now: Date.now() }, signal)
      })(),
    )
  addRbac(program, { terminal, signal, settings, searchPath, run })
  addToken(program, { terminal, run })
  program
    .command('schema')
    .description('print the JSON Schema of the configuration, for editors')
    .action(
      run(async () => {
        terminal.out((await import('./config/json-schema.ts')).configurationJsonSchema())
        return 0
      }),
    )
}

function addRbac(
  program: Command,
  { terminal, signal, settings, searchPath, run }: Pick<Context, 'run' | 'searchPath' | 'settings' | 'signal' | 'terminal'>,
): void {
  type Options = { cluster?: string; subject: Subject; path?: string[]; output: 'yaml' | 'json' }
  program
    .command('rbac')
    .description('print the roles that the configuration needs in a cluster, ready for kubectl apply')
    .option('--cluster <name>', 'the cluster, where the configuration has more than one')
    .option('--subject <namespace/name>', "the worker's ServiceAccount there", serviceAccount, {
      namespace: 'gitwake-system',
      name: 'gitwake-work',
    })
    .option('--path <folder...>', 'folders of the applications: only the kinds in them are granted, instead of every kind')
    .addOption(new Option('-o, --output <format>', 'how to print them').choices(['yaml', 'json']).default('yaml'))
    .addHelpText('after', example('gitwake rbac --cluster prod --path overlays/prod | kubectl apply -f -'))
    .action(({ cluster, subject, path: folders = [], output }: Options) =>
      run(async () => {
        const { rbac } = await import('./cli/rbac.ts')
        const { configurationPath, inventoryNamespace, installation, kustomizePath } = settings()
        const programs = { ...(kustomizePath !== undefined && { kustomizePath }), ...(searchPath !== undefined && { searchPath }) }
        return rbac(terminal, { configurationPath, cluster, subject, folders, inventoryNamespace, installation, output, programs }, signal)
      })(),
    )
}

function addToken(program: Command, { terminal, run }: Pick<Context, 'terminal' | 'run'>): void {
  type Options = { allow: Right; application: string[]; cluster: string[]; valid?: number }
  program
    .command('token <name>')
    .description('make a token for the API, and the document that lets it in')
    .addOption(new Option('--allow <right>', 'what it may do').choices(RIGHTS).default('read'))
    .option('--application <pattern...>', 'only for these applications; * stands for any text', [])
    .option('--cluster <pattern...>', 'only for the applications of these clusters', [])
    .option('--valid <duration>', 'how long, such as 90d; for ever where it is not given', durationMs)
    .addHelpText('after', example("gitwake token shop-ci --allow sync --application 'shop-*' --valid 90d >> gitwake.yaml"))
    .action((name: string, { allow, application: applications, cluster: clusters, valid: validMs }: Options, command: Command) =>
      run(async () => {
        if (!DNS_LABEL.test(name) || name.length > 63) command.error('error: the name must be lower-case letters, digits and hyphens')
        return (await import('./cli/token.ts')).token(terminal, { name, allow, applications, clusters, validMs, now: Date.now() })
      })(),
    )
}

interface Subject {
  readonly namespace: string
  readonly name: string
}

function serviceAccount(text: string): Subject {
  const [, namespace, name] = /^([a-z0-9-]{1,63})\/([a-z0-9.-]{1,253})$/.exec(text) ?? []
  if (namespace !== undefined && name !== undefined) return { namespace, name }
  throw new InvalidArgumentError('It must be namespace/name.')
}

function addRemoteCommands(program: Command, context: Context): void {
  const { terminal, settings, run } = context
  const client = async () => {
    const { createClient } = await import('./cli/client.ts')
    const { serverUrl, apiTokens } = settings()
    return createClient({ url: serverUrl, tokens: apiTokens })
  }
  program.commandsGroup('Ask a running gitwake (GITWAKE_URL, GITWAKE_API_TOKEN):')
  program
    .command('status [application]')
    .description('what is applied where; exits 1 where something is failed, held or out of sync')
    .option('--json', 'print JSON', false)
    .action((name: string | undefined, { json }: { json: boolean }) =>
      run(async () =>
        (await import('./cli/status.ts')).status(await client(), terminal, { ...(name !== undefined && { name }), json, now: Date.now() }),
      )(),
    )
  program
    .command('history <application>')
    .description('the results of an application, newest first')
    .option('--limit <number>', 'how many', wholeNumber, 20)
    .option('--json', 'print JSON', false)
    .action((name: string, { limit, json }: { limit: number; json: boolean }) =>
      run(async () => (await import('./cli/status.ts')).history(await client(), terminal, { name, limit, json, now: Date.now() }))(),
    )
  program
    .command('commit <sha>')
    .description('what became of a commit, in every application and cluster; exits 1 where it is not there in health')
    .option('--json', 'print JSON', false)
    .action((sha: string, { json }: { json: boolean }) =>
      run(async () => (await import('./cli/commit.ts')).commit(await client(), terminal, { sha, json, now: Date.now() }))(),
    )
  addAudit(program, context, client)
  addPlan(program, context, client)
  program
    .command('sync <application>')
    .description('ask for a sync now')
    .option(
      '--wait [duration]',
      'wait until it is done (60s where no duration is given); exits 1 where it failed or is held, 3 where it was not done in time',
      durationMs,
    )
    .option('--revision <sha>', 'wait for a result of this commit, or of a later head of the branch')
    .option('--confirm <plan>', 'carry out the held plan with this digest')
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      example('gitwake sync shop-prod --wait', 'gitwake sync shop-prod --wait 10m', 'gitwake sync shop-prod --confirm 3f9a…'),
    )
    .action((name: string, { wait, json, ...given }: { wait?: number | true; confirm?: string; revision?: string; json: boolean }) =>
      run(async () => {
        const { order } = await import('./cli/sync.ts')
        const query = Object.fromEntries(Object.entries(given))
        return order(await client(), terminal, { name, verb: 'sync', query, waitMs: waitOf(wait), json, now: Date.now })
      })(),
    )
  addStanding(program, context, client)
  addDepartures(program, context, client)
}

/** What ends. */
function addDepartures(program: Command, { terminal, run }: Context, client: () => Promise<Client>): void {
  type Options = { cluster?: string; confirm?: string; wait?: number | true; json: boolean }
  const depart =
    (verb: 'detach' | 'delete') =>
    (name: string, { wait, json, ...query }: Options): Promise<void> =>
      run(async () => {
        const { order } = await import('./cli/sync.ts')
        return order(await client(), terminal, { name, verb, query, waitMs: waitOf(wait), json, now: Date.now })
      })()
  const command = (text: string, description: string): Command =>
    program
      .command(text)
      .description(description)
      .option('--cluster <name>', 'the cluster that it leaves, where it has left objects in several')
      .option('--wait [duration]', 'wait until that is done (60s where no duration is given)', durationMs)
      .option('--json', 'print JSON', false)
  program
    .command('orphans')
    .description('what clusters still carry of applications that the configuration has no more; exits 1 where there is any')
    .option('--json', 'print JSON', false)
    .action(({ json }: { json: boolean }) =>
      run(async () => (await import('./cli/orphans.ts')).orphans(await client(), terminal, { json, now: Date.now() }))(),
    )
  command(
    'detach <application>',
    'let go of an orphan or a suspended application: its objects stay as they are, without the marks of gitwake',
  ).action(depart('detach'))
  command('delete <application>', 'delete the objects of an orphan, inside the budget that it had')
    .option('--confirm <plan>', 'carry out the held plan with this digest')
    .action(depart('delete'))
}

/** What holds until further notice. */
function addStanding(program: Command, { terminal, run }: Context, client: () => Promise<Client>): void {
  type Options = { by?: string; reason?: string; to?: string; wait?: number | true; json: boolean }
  const say =
    (verb: Order['verb']) =>
    (name: string, { wait, ...options }: Options): Promise<void> =>
      run(async () => {
        const { say: tell } = await import('./cli/standing.ts')
        return tell(await client(), terminal, { ...options, name, verb, waitMs: waitOf(wait), now: Date.now })
      })()
  const command = (text: string, description: string): Command =>
    program
      .command(text)
      .description(description)
      .option('--reason <text>', 'why, for everybody who looks')
      .option('--by <name>', 'who says so (default: who runs the command)')
      .option('--json', 'print JSON', false)
  command('suspend <application>', 'stop an application: nothing is applied, healed or pruned until it is resumed')
    .addHelpText('after', example('gitwake suspend shop-prod --reason "the database is moved"'))
    .action(say('suspend'))
  command('resume <application>', 'let a suspended application go on, at once, with the newest commit')
    .option('--wait [duration]', 'wait until that is done (60s where no duration is given)', durationMs)
    .action(say('resume'))
  command('rollback <application>', 'go back to an earlier revision and stay there until the branch moves on')
    .requiredOption('--to <sha>', 'a revision that the branch had: "gitwake history" lists those that were applied')
    .option('--wait [duration]', 'wait until that is done (60s where no duration is given)', durationMs)
    .addHelpText('after', example('gitwake rollback shop-prod --to 3f9a1c2b --reason "checkout fails" --wait'))
    .action(say('rollback'))
  command('unpin <application>', 'end a rollback by hand: follow the branch again, at once')
    .option('--wait [duration]', 'wait until that is done (60s where no duration is given)', durationMs)
    .action(say('unpin'))
}

function waitOf(wait: number | true | undefined): number {
  return wait === undefined ? 0 : wait === true ? 60_000 : wait
}

function addAudit(program: Command, { terminal, signal, run }: Context, client: () => Promise<Client>): void {
  program
    .command('audit')
    .description('the audit log as JSON lines, oldest first; or, with --verify, whether its chain holds')
    .option('--since <when>', 'only what is younger: a duration such as 24h, or a moment in ISO 8601')
    .option('--application <name>', 'only what concerns this application')
    .addOption(
      new Option('--verify', 'check that nothing was altered, added or removed; exits 1 where something was').conflicts('application'),
    )
    .addOption(new Option('-f, --file <file>', 'a file of the log instead of the server').conflicts(['since', 'application']))
    .addHelpText('after', example('gitwake audit --since 24h', 'gitwake audit --verify', 'gitwake audit --verify -f audit.jsonl'))
    .action((options: { since?: string; application?: string; verify?: boolean; file?: string }) =>
      run(async () => (await import('./cli/audit.ts')).audit(client, terminal, options, signal))(),
    )
}

function addPlan(program: Command, { terminal, run }: Context, client: () => Promise<Client>): void {
  program
    .command('plan <application>')
    .description('what a sync would do now, against the live cluster; exits 0 where nothing, 2 with changes, 1 where it cannot be')
    .addOption(new Option('--ref <ref>', 'another branch or tag').conflicts(['revision', 'pull']))
    .addOption(new Option('--revision <sha>', 'a commit that is, or was lately, the head of a branch').conflicts(['ref', 'pull']))
    .addOption(new Option('--pull <number>', 'a pull request, where the application allows it').conflicts(['ref', 'revision']))
    .option('--wait <duration>', 'how long to wait for it', durationMs, 120_000)
    .addOption(new Option('-o, --output <format>', 'how to print it').choices(['text', 'json']).default('text'))
    .addHelpText(
      'after',
      example('gitwake plan shop-prod', 'gitwake plan shop-prod --ref my-branch', 'gitwake plan shop-prod --pull 7 -o json'),
    )
    .action((name: string, options: { ref?: string; revision?: string; pull?: string; wait: number; output: string }, command: Command) =>
      run(async () => {
        const { decodeSubject } = await import('./model/plan-report.ts')
        const { ref, revision, pull, wait: waitMs, output } = options
        const subject = decodeSubject({ ref, revision, pull })
        if (typeof subject === 'string') return command.error(`error: ${subject}`)
        const { plan } = await import('./cli/plan.ts')
        return plan(await client(), terminal, { name, subject, waitMs, json: output === 'json', now: Date.now })
      })(),
    )
}

function example(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}\n`
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number above 0.')
}

function durationMs(text: string): number {
  const milliseconds = parseDuration(text)
  if (milliseconds !== undefined) return milliseconds
  throw new InvalidArgumentError('It must be a duration such as 30s, 2m or 1h.')
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
