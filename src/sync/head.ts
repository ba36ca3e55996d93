import { GitwakeError } from '../model/error.ts'
import type { Pin } from '../model/standing.ts'
import type { Tree } from '../model/tree.ts'
import { heedPin, type Stands } from './pinned.ts'
import type { StoredInventory } from './ports.ts'
import type { Syncing } from './request.ts'
import { keepStanding } from './standing.ts'

/** The branch's head, unless it is one that the branch has left already (a lagging mirror, a cache in between). */
export async function fetchHead({ request, ports }: Syncing): Promise<Tree> {
  const { application, repository, job, signal } = request
  const { source, heads } = ports
  const { ref } = application.source
  const tree = await source.fetch(repository, ref, signal)
  const named = job.triggers.some(({ reason, revision }) => reason === 'push' && revision === tree.revision)
  if ((await heads.admit(repository.name, ref, tree.revision, { application: application.name, named })) === 'accepted') return tree
  throw new GitwakeError(
    'head-left-already',
    `${repository.name} answers with ${tree.revision} for ${ref}, which the branch has left already`,
    {
      fix: 'Nothing to do: it is fetched again. If the branch was really set back, two polls two minutes apart settle it.',
      retryable: true,
    },
  )
}

/** What stands of the application's history: the head, or what it was rolled back to. What changes by that is told at once. */
export async function stand(head: Tree, stored: StoredInventory | undefined, { request, ports, run }: Syncing): Promise<Stands> {
  const keep = async (pin: Pin): Promise<StoredInventory | undefined> => {
    const kept = await keepStanding({ pin }, stored, request, ports)
    await request.say({ pin })
    return kept
  }
  const stands = await heedPin(head, stored, { ...request, keep }, ports)
  run.note = stands.note
  if (stands.tree !== head) run.head = head.revision
  return stands
}
