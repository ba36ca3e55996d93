import { displayDeparture, type Orphan } from '../model/departure.ts'
import type { Client } from './client.ts'
import { ago, plain, short, table } from './table.ts'
import type { Terminal } from './terminal.ts'

/** `gitwake orphans`: what the configuration has no more but a cluster still carries; 1 where there is any. */
export async function orphans(
  client: Client,
  terminal: Terminal,
  { json, now }: { readonly json: boolean; readonly now: number },
): Promise<number> {
  const found = (await client.list('/api/orphans', 'orphans')) as readonly Orphan[]
  if (json) terminal.out(`${JSON.stringify(found, null, 2)}\n`)
  else if (found.length === 0) terminal.err('There are no orphans.\n')
  else {
    const rows = found.map((orphan) => [
      plain(orphan.application),
      plain(orphan.cluster),
      String(orphan.objects),
      short(orphan.revision),
      displayDeparture(orphan),
      `${ago(orphan.since, now)} ago`,
    ])
    terminal.out(table(['APPLICATION', 'CLUSTER', 'OBJECTS', 'REVISION', 'WHAT BECOMES', 'FOUND'], rows))
    for (const { application, cluster, problem } of found)
      if (problem !== undefined)
        terminal.out(`${plain(application)} on ${plain(cluster)}: ${plain(problem.message)}\n  → ${plain(problem.fix)}\n`)
    terminal.out(
      'Configure one again under its name to go on with it; or "gitwake detach NAME" leaves its objects, "gitwake delete NAME" deletes them.\n',
    )
  }
  return found.length === 0 ? 0 : 1
}
