import type { Application } from '../model/configuration.ts'
import type { Fight } from '../model/fight.ts'
import { sha256 } from '../model/digest.ts'
import type { KindCatalog, ResourceKind } from '../model/kinds.ts'
import { groupKindKey, type ObjectKey } from '../model/object.ts'
import type { Observation } from '../model/observation.ts'
import type { Plan } from '../model/plan.ts'
import type { RenderedObject } from '../model/object.ts'
import type { Rendering } from '../model/tree.ts'
import type { Inventory } from '../model/inventory.ts'
import { desire, type Desired } from '../plan/desired.ts'
import { NO_HOOKS, planHooks, type HookFacts, type HookPlan } from '../plan/hooks.ts'
import type { FormerName, PlanFacts } from '../plan/facts.ts'
import { plan } from '../plan/plan.ts'
import { readopt } from '../plan/readopt.ts'
import { NO_ANSWERS, type Found } from '../plan/questions.ts'
import { observeRest, type EarlyLook } from './early-look.ts'
import type { Destination } from './ports.ts'

/** What the decision is about, apart from the cluster. */
export interface Subject {
  readonly application: Application
  readonly applySet: string
  readonly former?: FormerName
  readonly applicationOf: (applySet: string) => string | undefined
  readonly rendering: Rendering
  /** The hooks of the commit; an application that leaves has none. */
  readonly hooks?: Omit<HookFacts, 'hooks'> & { readonly rendered: readonly RenderedObject[] }
  readonly inventory: Inventory | undefined
  readonly missingPath: string | undefined
  readonly confirmed: string | undefined
  readonly audited: ReadonlySet<ObjectKey>
  readonly fights: readonly Fight[]
  /** The application leaves: nothing is to be wanted. */
  readonly departing?: boolean
  /** What was seen of the tracked kinds while Git was asked. */
  readonly early?: EarlyLook | undefined
}

/** A plan without open questions, and the facts that it was made of. */
export interface Decision {
  readonly plan: Plan
  readonly facts: PlanFacts
}

/** More rounds than an honest cluster needs; then the plan stands as it is, and the conditional writes catch what moved. */
const ROUNDS = 3

/** Observes the cluster and plans, asking what the plan leaves open. Reads only. */
export async function decide(subject: Subject, destination: Destination, signal: AbortSignal): Promise<Decision> {
  const { catalog, desired, hooks } = await desiredIn(subject, destination, signal)
  const observation = await observeAll(kindsOf(desired, subject.inventory, catalog), subject, destination, signal)
  const restored = subject.inventory && readopt(subject.inventory, observation, subject.applySet)
  const inventory = restored?.inventory ?? subject.inventory
  const seen = { desired, hooks, catalog, observation, now: destination.serverTime() }
  return await settle({ ...factsOf({ ...subject, inventory }, seen), restored }, destination, signal)
}

/** Plans again with what a GET told of objects that a conditional write found different from what was observed. */
export async function decideAgain(
  { facts }: Decision,
  found: ReadonlyMap<ObjectKey, Found>,
  destination: Destination,
  signal: AbortSignal,
): Promise<Decision> {
  const objects = new Map(facts.observation.objects)
  // The newer look wins over the LIST.
  for (const [key, seen] of found) {
    if (seen === 'absent') objects.delete(key)
    else objects.set(key, seen)
  }
  const answers = { found: new Map([...facts.answers.found, ...found]), compared: new Map() }
  return await settle({ ...facts, observation: { ...facts.observation, objects }, answers }, destination, signal)
}

async function settle(facts: PlanFacts, destination: Destination, signal: AbortSignal): Promise<Decision> {
  let current = facts
  let decided = plan(current)
  for (let round = 0; round < ROUNDS && isOpen(decided.questions); round += 1) {
    current = { ...current, answers: await destination.answer(decided.questions, current.answers, signal) }
    decided = plan(current)
  }
  return { plan: decided.plan, facts: current }
}

function isOpen({ look, compare }: ReturnType<typeof plan>['questions']): boolean {
  return look.length > 0 || compare.length > 0
}

/** All objects of the application, also those that still carry the label of its former name. */
async function observeAll(
  kinds: readonly ResourceKind[],
  { applySet, former, early }: Subject,
  destination: Destination,
  signal: AbortSignal,
): Promise<Observation> {
  const own = await observeRest(kinds, early, (rest) => destination.observe(rest, applySet, signal))
  if (former === undefined) return own
  // Last: what is given over in between is seen once more, not never.
  const before = await destination.observe(kinds, former.applySet, signal)
  return {
    ...own,
    objects: new Map([...before.objects, ...own.objects]),
    unlistable: new Map([...before.unlistable, ...own.unlistable]),
  }
}

/** What the commit wants of a cluster that serves these kinds. */
interface Wanted {
  readonly catalog: KindCatalog
  readonly desired: Desired
  readonly hooks: HookPlan
}

async function desiredIn(subject: Subject, destination: Destination, signal: AbortSignal): Promise<Wanted> {
  const known = wantedWith(await destination.catalog({ refresh: false }, signal), subject)
  const isServed = [known.desired, known.hooks.desired].every(({ objects }) =>
    objects.every(({ resource, awaitsDefinition }) => resource !== undefined && !awaitsDefinition),
  )
  // Another worker may have brought the CRD of what is tracked: a kind that only an old catalog lacks is not gone.
  const tracked = [...(subject.inventory?.entries.values() ?? [])]
  if (isServed && tracked.every(({ object }) => known.catalog.preferred(object) !== undefined)) return known
  return wantedWith(await destination.catalog({ refresh: true }, signal), subject)
}

function wantedWith(catalog: KindCatalog, { application, applySet, rendering, hooks }: Subject): Wanted {
  const into = { namespace: application.destination.namespace, applySet, catalog }
  const desired = desire(rendering.objects, into)
  if (hooks === undefined) return { catalog, desired, hooks: NO_HOOKS }
  const wanted = desire(hooks.rendered, into, rendering.objects)
  return { catalog, desired, hooks: { desired: wanted, planned: planHooks({ ...hooks, hooks: wanted.objects }) } }
}

/** Every kind that Git wants or the inventory tracks, once, in the version that the manifests use. */
function kindsOf(desired: Desired, inventory: Inventory | undefined, catalog: KindCatalog): ResourceKind[] {
  const kinds = new Map<string, ResourceKind>()
  for (const { object, resource, awaitsDefinition } of desired.objects) {
    if (resource !== undefined && !awaitsDefinition) kinds.set(groupKindKey(object), resource)
  }
  for (const { object, version } of inventory?.entries.values() ?? []) {
    const resource = catalog.find(object, version) ?? catalog.preferred(object)
    if (resource !== undefined && !kinds.has(groupKindKey(object))) kinds.set(groupKindKey(object), resource)
  }
  return [...kinds.values()]
}

function factsOf(
  subject: Subject,
  { desired, hooks, catalog, observation, now }: Wanted & Pick<PlanFacts, 'now' | 'observation'>,
): Omit<PlanFacts, 'restored'> {
  const { destination, sync } = subject.application
  return {
    desired,
    hooks,
    catalog,
    observation,
    inventory: subject.inventory,
    answers: NO_ANSWERS,
    now,
    applySet: subject.applySet,
    ...(subject.former && { former: subject.former }),
    applicationOf: subject.applicationOf,
    namespace: destination.namespace,
    createNamespace: destination.createNamespace,
    prune: sync.prune,
    pruneBudget: sync.pruneBudget,
    undeclared: sync.undeclared,
    ignore: sync.ignore ?? [],
    missingPath: subject.missingPath,
    confirmed: subject.confirmed,
    audited: subject.audited,
    fights: subject.fights,
    ...(subject.departing === true && { departing: true }),
  }
}

/** Digest of everything that shapes what is applied: what the render reads, and the settings. Equal inputs need no sync. */
export function inputsDigest(rendered: string, { destination, sync, deletionPolicy }: Application): string {
  const { prune, pruneBudget, undeclared, ignore } = sync
  const settings = [destination.namespace, destination.createNamespace, prune, pruneBudget, undeclared, ignore, deletionPolicy]
  return sha256(JSON.stringify([rendered, ...settings]))
}
