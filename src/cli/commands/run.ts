import type { Command } from 'commander'
import { example, type Context } from './context.ts'

/** The roles: commands that stay. */
export function addRoles(program: Command, { roles, run }: Context): void {
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
