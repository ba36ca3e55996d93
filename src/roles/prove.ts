import type { Redis } from '../model/redis.ts'
import type { Application, Repository } from '../model/configuration.ts'
import type { Log } from '../model/log.ts'
import { isReadFor } from '../model/read-set.ts'
import type { Tree } from '../model/tree.ts'
import { openReads, type Reading } from '../queue/reads.ts'
import type { Renderer, Source } from '../sync/ports.ts'

export interface ProveOptions {
  readonly cluster: string
  readonly redis: Redis
  readonly source: Pick<Source, 'fetch'>
  readonly renderer: Pick<Renderer, 'inputs'>
  readonly log: Log
}

/** What the trees say of applications that a push was said to touch nothing of. */
export interface Proof {
  /** The head changes nothing that they read. */
  readonly proven: readonly string[]
  /** The branch moved on meanwhile: the next poll looks. */
  readonly open: readonly string[]
}

/**
 * A push names the files of its commits, and a merge can change more than those: it may drop what the branch had. So whoever was passed over
 * at the door is looked at here once more, all of a branch with one fetch; whom the tree contradicts is neither proven nor open.
 */
export async function prove(
  { cluster, redis, source, renderer, log }: ProveOptions,
  { repository, ref, head }: { readonly repository: Repository; readonly ref: string; readonly head: string },
  applications: readonly Application[],
  signal: AbortSignal,
): Promise<Proof> {
  const names = applications.map(({ name }) => name)
  const read = await openReads(redis, cluster)({ revision: head, applications: names })
  if (read.size === 0) return { proven: [], open: [] }
  const tree = await source.fetch(repository, ref, signal)
  if (tree.revision !== head) return { proven: [], open: [...read.keys()] }
  const proven = await Promise.all(
    applications.map(async (application) => {
      const reading = read.get(application.name)
      if (reading === undefined) return []
      if (await isProven(tree, application, reading, renderer, signal)) return [application.name]
      log.warn({ application: application.name, revision: head }, 'a push changed more than the files that it named: its sync is asked for')
      return []
    }),
  )
  return { proven: proven.flat(), open: [] }
}

async function isProven(
  tree: Tree,
  application: Application,
  { set }: Reading,
  renderer: ProveOptions['renderer'],
  signal: AbortSignal,
): Promise<boolean> {
  if (!isReadFor(set, application)) return false
  try {
    return (await renderer.inputs(tree, application, signal)).digest === set.inputs
  } catch (error) {
    if (signal.aborted) throw error
    return false // Its own sync tells what is wrong.
  }
}
