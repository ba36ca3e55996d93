import type { Command } from 'commander'
import type { Client } from '../client.ts'
import type { Order } from '../sync.ts'
import { example, type Context } from './context.ts'
import { durationMs, waitOf } from './parameters.ts'

/** What is to be done now. */
export function addSync(program: Command, { terminal, run }: Context, client: () => Promise<Client>): void {
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
        const { order } = await import('../sync.ts')
        const query = Object.fromEntries(Object.entries(given))
        return order(await client(), terminal, { name, verb: 'sync', query, waitMs: waitOf(wait), json, now: Date.now })
      })(),
    )
}

/** What ends. */
export function addDepartures(program: Command, { terminal, run }: Context, client: () => Promise<Client>): void {
  type Options = { cluster?: string; confirm?: string; wait?: number | true; json: boolean }
  const depart =
    (verb: 'detach' | 'delete') =>
    (name: string, { wait, json, ...query }: Options): Promise<void> =>
      run(async () => {
        const { order } = await import('../sync.ts')
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
      run(async () => (await import('../orphans.ts')).orphans(await client(), terminal, { json, now: Date.now() }))(),
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
export function addStanding(program: Command, { terminal, run }: Context, client: () => Promise<Client>): void {
  type Options = { by?: string; reason?: string; to?: string; wait?: number | true; json: boolean }
  const say =
    (verb: Order['verb']) =>
    (name: string, { wait, ...options }: Options): Promise<void> =>
      run(async () => {
        const { say: tell } = await import('../standing.ts')
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
