import type { Application } from '../model/configuration.ts'
import { sha256 } from '../model/digest.ts'
import { GitwakeError } from '../model/error.ts'
import type { Fight } from '../model/fight.ts'
import { applySetId } from '../model/names.ts'
import { objectKey, versionOf, type ObjectKey } from '../model/object.ts'
import type { PlannedChange } from '../model/plan.ts'
import type { RenderInputs, Rendering, Tree } from '../model/tree.ts'
import { block } from '../plan/blocked.ts'
import { hookChange, isAround, splitHooks, type PlannedHook } from '../plan/hooks.ts'
import { refusals } from '../plan/plan.ts'
import type { Found } from '../plan/questions.ts'
import { decide, decideAgain, inputsDigest, type Decision } from './decide.ts'
import { lookEarly } from './early-look.ts'
import { inherit, readFormer, type Former } from './former.ts'
import { proposeHooks } from './hook-proposal.ts'
import { requireOwnInstall } from './own-install.ts'
import type { Destination, Renderer, StoredInventory } from './ports.ts'
import { namedOrigins } from './origins.ts'
import { preflight } from './preflight.ts'
import { mayRecreate } from './recreate.ts'
import type { Progress } from './run.ts'

/** What a proposal needs from outside: it only reads. */
export interface ProposePorts {
  readonly renderer: Renderer
  readonly destination: Destination
  /** Names this installation: two installations never write one application. */
  readonly install: string
  readonly inventoryNamespace: string
  readonly applicationOf: (applySet: string) => string | undefined
}

export interface ProposeRequest {
  readonly application: Application
  /** Digest of the held plan that a person has confirmed, if any. */
  readonly confirmed: string | undefined
  /** Does the API server judge the plan, and how many changes of live objects are compared with it field by field? */
  readonly preflight: false | { readonly diffs: number }
  readonly signal: AbortSignal
  readonly resolve: () => Promise<Tree>
  /** Keeps what was said of the application in its inventory, and gives the inventory as it is then; a plan keeps nothing. */
  readonly keep?: (stored: StoredInventory | undefined) => Promise<StoredInventory | undefined>
  /** The commit that stands in place of the head, where one does, and the inventory after that was decided. */
  readonly stand?: (head: Tree, stored: StoredInventory | undefined) => Promise<Pick<Proposal, 'tree' | 'stored'>>
  /** Whatever the commit turns out to be, the cluster is looked at: so that can begin while Git is asked. */
  readonly isLooked: boolean
  /** A person asked: hooks run although they have run for this commit. */
  readonly isManual: boolean
  /** Is there anything to find out, with these inputs and this inventory? Asked before the render. */
  readonly isAffected: (inputs: string | undefined, stored: StoredInventory | undefined) => boolean
  /** Whether a new commit may be applied now; asked before the render, and not for one that is applied already. */
  readonly isFree?: (revision: string) => Promise<boolean>
  /** Tracked objects whose turn of the rolling audit has come. */
  readonly audited: (stored: StoredInventory | undefined) => ReadonlySet<ObjectKey>
  /** Fields that somebody else takes back as often as we do. */
  readonly fights: readonly Fight[]
  /** Has a newer commit made this run pointless? */
  readonly superseded: () => Promise<boolean>
}

/** Everything that a sync would do, and what that was made of. */
export interface Proposal {
  readonly tree: Tree
  /** Digest of all that shapes what is applied; undefined where the path is gone from the commit. */
  readonly inputs: string | undefined
  readonly rendering: Rendering
  /** With all of the former one, where the application goes on under a new name. */
  readonly stored: StoredInventory | undefined
  readonly former: Former | undefined
  readonly decision: Decision
  readonly hooks: readonly PlannedHook[]
  /** What stops an all-or-nothing sync before the first write. */
  readonly refused: readonly PlannedChange[]
}

/**
 * The half of a sync that only reads: resolve, render, observe, plan, preflight. A sync carries the proposal out, a plan shows it.
 * What is known so far stands in `progress`, also when this throws.
 */
export async function propose(
  request: ProposeRequest,
  ports: ProposePorts,
  progress: Progress,
): Promise<Proposal | 'not affected' | 'superseded' | 'blocked'> {
  const { application, signal } = request
  const { destination, renderer } = ports

  const applySet = applySetId(application.name, ports.inventoryNamespace)

  // Resolve. The inventory does not depend on the commit, so both are read at once.
  const { tree, stored, former, early } = await progress.time('fetch', async () => {
    const [head, { stored: found, ...rest }] = await Promise.all([request.resolve(), readInventories(request, ports, applySet)])
    const stands = request.stand === undefined ? { tree: head, stored: found } : await request.stand(head, found)
    return { ...stands, ...rest }
  })
  progress.revision = tree.revision

  // Render, unless everything that it would read is as it was.
  const { inputs, missingPath } = await progress.time('render', () => readInputs(tree, stored, request, renderer))
  const digest = inputs === undefined ? undefined : inputsDigest(inputs.digest, application)
  if (former === undefined && !request.isAffected(digest, stored)) return 'not affected'
  const isNew = digest === undefined || stored?.inventory.inputs !== digest
  if (isNew && (await request.isFree?.(tree.revision)) === false) return 'blocked'
  const rendering = await progress.time('render', () => (inputs === undefined ? NOTHING : renderer.render(tree, inputs, signal)))
  progress.rendered = rendering.digest
  progress.warnings = rendering.warnings
  if (await request.superseded()) return 'superseded'

  const split = splitHooks(rendering.objects, tree.revision)

  // Observe and plan, then ask the API server what it thinks of the plan before the first write.
  const subject = {
    application,
    applySet,
    applicationOf: ports.applicationOf,
    rendering: { ...rendering, objects: split.objects },
    hooks: {
      rendered: split.hooks,
      entries: stored?.inventory.hooks ?? new Map(),
      revision: tree.revision,
      applied: stored?.inventory.revision,
      isNew,
      isManual: request.isManual,
    },
    inventory: stored?.inventory,
    missingPath,
    ...(former && { former }),
    confirmed: request.confirmed,
    audited: request.audited(stored),
    // A new commit may have settled it.
    fights: request.fights.filter(({ revision }) => revision === tree.revision),
  }
  const planned = await progress.time('observe', async () => decide({ ...subject, early: await early?.() }, destination, signal))
  const { decision: checked, refused } = await progress.time('preflight', () => check(planned, request, destination))
  const decision = application.sync.partial ? withBlocked(checked) : checked
  const proposed = await progress.time('preflight', () => proposeHooks(decision, request, destination))
  const { hooks } = proposed
  const wrong = [...refused, ...proposed.refusals.filter(({ action }) => action === 'failed')]
  const named = await progress.time('render', () =>
    namedOrigins(wrong, async () => (inputs === undefined ? new Map() : renderer.origins(tree, inputs, signal)), signal),
  )
  const changes = [...decision.plan.changes, ...proposed.refusals].map(named)
  progress.changes = [...changes, ...hooks.filter(isAround).map(hookChange)]
  progress.warnings = [...rendering.warnings, ...decision.plan.warnings]
  progress.plan = decision.plan.held?.digest
  return {
    tree,
    inputs: digest,
    rendering,
    stored,
    former,
    decision: { ...decision, plan: { ...decision.plan, changes } },
    hooks,
    refused: wrong.map(named),
  }
}

const NOTHING: Promise<Rendering> = Promise.resolve({ objects: [], digest: sha256(''), warnings: [] })

interface Inventories {
  readonly stored: StoredInventory | undefined
  readonly former: Former | undefined
  /** A look at what is tracked, where there will be one anyway; nobody waits for it yet. */
  readonly early: ReturnType<typeof lookEarly> | undefined
}

async function readInventories(
  { application, signal, keep, isLooked }: ProposeRequest,
  ports: ProposePorts,
  applySet: string,
): Promise<Inventories> {
  const { destination, install } = ports
  const [own, former] = await Promise.all([destination.readInventory(application.name, signal), readFormer(application, ports, signal)])
  if (own !== undefined) requireOwnInstall(own.inventory, install)
  const early = isLooked && former === undefined ? lookEarly(own?.inventory, applySet, destination, signal) : undefined
  const kept = keep === undefined ? own : await keep(own)
  return { stored: former === undefined ? kept : inherit(kept, former, application.name), former, early }
}

/** A path that is gone from the commit is an empty render that waits for a person, where there is something to lose. */
async function readInputs(
  tree: Tree,
  stored: StoredInventory | undefined,
  { application, signal }: ProposeRequest,
  renderer: Renderer,
): Promise<{ readonly inputs: RenderInputs | undefined; readonly missingPath: string | undefined }> {
  try {
    return { inputs: await renderer.inputs(tree, application, signal), missingPath: undefined }
  } catch (error) {
    if (!(error instanceof GitwakeError) || error.code !== 'path-not-found') throw error
    if (stored === undefined || stored.inventory.entries.size === 0) throw error
    return { inputs: undefined, missingPath: application.source.path }
  }
}

/** With `partial`, what failed keeps back only what needs it. */
function withBlocked(decision: Decision): Decision {
  const { plan, facts } = decision
  return { ...decision, plan: { ...plan, changes: block(plan.changes, facts.desired.objects) } }
}

/** A plan that the API server was asked about, and what stops an all-or-nothing sync before the first write. */
interface Checked {
  readonly decision: Decision
  readonly refused: readonly PlannedChange[]
}

/** Preflights a plan; what turns out to exist or to have moved is looked at, planned again and checked again. */
async function check(planned: Decision, request: ProposeRequest, destination: Destination): Promise<Checked> {
  const { signal } = request
  let decision = planned
  // What is to be recreated must stand in the plan before the first write, so that one is always asked for.
  const options = request.preflight === false ? { diffs: 0, isAsked: mayRecreate, signal } : { ...request.preflight, signal }
  for (let round = 0; ; round += 1) {
    const { plan, refused, moved } = await preflight(decision, destination, options)
    // Whatever the API server refuses now would leave the commit half applied, even if it takes it a second later.
    if (moved.length === 0 || round === 2) return { decision: { ...decision, plan }, refused: [...refusals(decision.plan), ...refused] }
    const look = moved.map(({ object, operation }) => ({
      object,
      version: operation.verb === 'apply' ? versionOf(operation.manifest.apiVersion) : '',
    }))
    const { found } = await destination.answer({ look, compare: [] }, { found: new Map(), compared: new Map() }, signal)
    const fresh = new Map<string, Found>(moved.map(({ object }) => [objectKey(object), found.get(objectKey(object)) ?? 'absent']))
    decision = await decideAgain(decision, fresh, destination, signal)
  }
}
