import { type Command, InvalidArgumentError, Option } from 'commander'
import { DNS_LABEL } from '../../config/decode.ts'
import { RIGHTS, type Right } from '../../model/access.ts'
import { example, type Context } from './context.ts'
import { durationMs } from './parameters.ts'

/** What needs no server. */
export function addLocalCommands(program: Command, { terminal, signal, settings, searchPath, run }: Context): void {
  program.commandsGroup('Check, without a server:')
  program
    .command('validate [path]')
    .description('check the configuration and tell every problem at once')
    .option('--json', 'print the problems as JSON', false)
    .addHelpText('after', example('gitwake validate', 'gitwake validate ./clusters'))
    .action((path: string | undefined, { json }: { json: boolean }) =>
      run(async () => (await import('../validate.ts')).validate(terminal, { path: path ?? settings().configurationPath, json }))(),
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
        const { render } = await import('../render.ts')
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
        const { health } = await import('../health.ts')
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
        terminal.out((await import('../../config/json-schema.ts')).configurationJsonSchema())
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
    .addOption(
      new Option('--subject <namespace/name>', "the worker's ServiceAccount there")
        .argParser(serviceAccount)
        .default({ namespace: 'gitwake-system', name: 'gitwake-work' }, 'gitwake-system/gitwake-work'),
    )
    .option('--path <folder...>', 'folders of the applications: only the kinds in them are granted, instead of every kind')
    .addOption(new Option('-o, --output <format>', 'how to print them').choices(['yaml', 'json']).default('yaml'))
    .addHelpText('after', example('gitwake rbac --cluster prod --path overlays/prod | kubectl apply -f -'))
    .action(({ cluster, subject, path: folders = [], output }: Options) =>
      run(async () => {
        const { rbac } = await import('../rbac.ts')
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
        return (await import('../token.ts')).token(terminal, { name, allow, applications, clusters, validMs, now: Date.now() })
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
