import { type Command, Option } from 'commander'
import type { Client } from '../client.ts'
import { example, type Context } from './context.ts'
import { addDepartures, addStanding, addSync } from './orders.ts'
import { durationMs, wholeNumber } from './parameters.ts'

/** What asks a running gitwake. */
export function addRemoteCommands(program: Command, context: Context): void {
  const { terminal, settings, run } = context
  const client = async () => {
    const { createClient } = await import('../client.ts')
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
        (await import('../status.ts')).status(await client(), terminal, { ...(name !== undefined && { name }), json, now: Date.now() }),
      )(),
    )
  program
    .command('history <application>')
    .description('the results of an application, newest first')
    .option('--limit <number>', 'how many', wholeNumber, 20)
    .option('--json', 'print JSON', false)
    .action((name: string, { limit, json }: { limit: number; json: boolean }) =>
      run(async () => (await import('../status.ts')).history(await client(), terminal, { name, limit, json, now: Date.now() }))(),
    )
  program
    .command('commit <sha>')
    .description('what became of a commit, in every application and cluster; exits 1 where it is not there in health')
    .option('--json', 'print JSON', false)
    .action((sha: string, { json }: { json: boolean }) =>
      run(async () => (await import('../commit.ts')).commit(await client(), terminal, { sha, json, now: Date.now() }))(),
    )
  addAudit(program, context, client)
  addPlan(program, context, client)
  addSync(program, context, client)
  addStanding(program, context, client)
  addDepartures(program, context, client)
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
      run(async () => (await import('../audit.ts')).audit(client, terminal, options, signal))(),
    )
}

function addPlan(program: Command, { terminal, run }: Context, client: () => Promise<Client>): void {
  program
    .command('plan <application>')
    .description('what a sync would do now, against the live cluster; exits 0 where nothing, 2 with changes, 1 where it cannot be')
    .addOption(new Option('--ref <ref>', 'another branch or tag').conflicts(['revision', 'pull']))
    .addOption(new Option('--revision <sha>', 'a commit that is, or was lately, the head of a branch').conflicts(['ref', 'pull']))
    .addOption(new Option('--pull <number>', 'a pull request, where the application allows it').conflicts(['ref', 'revision']))
    .addOption(new Option('--wait <duration>', 'how long to wait for it').argParser(durationMs).default(120_000, '2m'))
    .addOption(new Option('-o, --output <format>', 'how to print it').choices(['text', 'json']).default('text'))
    .addHelpText(
      'after',
      example('gitwake plan shop-prod', 'gitwake plan shop-prod --ref my-branch', 'gitwake plan shop-prod --pull 7 -o json'),
    )
    .action((name: string, options: { ref?: string; revision?: string; pull?: string; wait: number; output: string }, command: Command) =>
      run(async () => {
        const { decodeSubject } = await import('../../model/plan-report.ts')
        const { ref, revision, pull, wait: waitMs, output } = options
        const subject = decodeSubject({ ref, revision, pull })
        if (typeof subject === 'string') return command.error(`error: ${subject}`)
        const { plan } = await import('../plan.ts')
        return plan(await client(), terminal, { name, subject, waitMs, json: output === 'json', now: Date.now })
      })(),
    )
}
