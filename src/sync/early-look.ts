import type { Inventory } from '../model/inventory.ts'
import type { ResourceKind } from '../model/kinds.ts'
import { groupKindKey } from '../model/object.ts'
import type { Observation } from '../model/observation.ts'
import type { Destination } from './ports.ts'
import { kindsOf } from './sweep.ts'

/** What was seen of some kinds before the commit was known. */
export interface EarlyLook {
  readonly kinds: readonly ResourceKind[]
  readonly observation: Observation
}

/** A slower answer from Git makes what was seen meanwhile old: every write would still be conditional, but many would have to be planned again. */
const FRESH_MS = 15_000

/**
 * Looks at the kinds that an inventory tracks while Git is asked for the commit: they are nearly always those that it wants. The function that
 * is returned resolves with what was seen, as long as that is fresh. Never rejects: whatever goes wrong is met again by the look at its proper time.
 */
export function lookEarly(
  inventory: Inventory | undefined,
  applySet: string,
  destination: Destination,
  signal: AbortSignal,
): () => Promise<EarlyLook | undefined> {
  const from = performance.now()
  const looking = look(inventory, applySet, destination, signal).catch(() => undefined)
  return async () => (performance.now() - from < FRESH_MS ? await looking : undefined)
}

async function look(
  inventory: Inventory | undefined,
  applySet: string,
  destination: Destination,
  signal: AbortSignal,
): Promise<EarlyLook | undefined> {
  if (inventory === undefined) return undefined
  const kinds = await kindsOf([inventory], destination, signal)
  return { kinds, observation: await destination.observe(kinds, applySet, signal) }
}

/** Observes the kinds that were not looked at early, and puts both together. */
export async function observeRest(
  kinds: readonly ResourceKind[],
  early: EarlyLook | undefined,
  observe: (kinds: readonly ResourceKind[]) => Promise<Observation>,
): Promise<Observation> {
  if (early === undefined) return await observe(kinds)
  const seen = new Set(early.kinds.map(nameOf))
  const rest = kinds.filter((kind) => !seen.has(nameOf(kind)))
  return rest.length === 0 ? early.observation : join(early.observation, await observe(rest))
}

/** Later looks win: a kind may be listed in another version than the one that was tracked. */
function join(early: Observation, late: Observation): Observation {
  return {
    ...late,
    objects: new Map([...early.objects, ...late.objects]),
    unlistable: new Map([...early.unlistable, ...late.unlistable]),
    definitions: new Map([...early.definitions, ...late.definitions]),
  }
}

function nameOf(kind: ResourceKind): string {
  return `${groupKindKey(kind)}@${kind.version}`
}
