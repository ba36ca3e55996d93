import type { RenderedObject } from '../model/object.ts'
import type { PlannedChange } from '../model/plan.ts'
import { desire } from '../plan/desired.ts'
import { hookChange, planHooks, refusedHooks, type PlannedHook } from '../plan/hooks.ts'
import { refusalOutside } from '../plan/outside.ts'
import type { Decision } from './decide.ts'
import type { ApplyOperation, Destination, StoredInventory } from './ports.ts'
import type { ProposeRequest } from './propose.ts'
import { trialManifest } from './recreate.ts'
import { refusedChange } from './refusal.ts'

export interface HookProposal {
  readonly hooks: readonly PlannedHook[]
  /** Hooks that cannot be run, as entries of the plan. */
  readonly refusals: readonly PlannedChange[]
}

/** Plans the hooks of a commit, and asks the API server what it thinks of them before the first write. */
export async function proposeHooks(facts: {
  readonly rendered: readonly RenderedObject[]
  readonly revision: string
  /** Git wants something else than what was applied completely last. */
  readonly isNew: boolean
  readonly stored: StoredInventory | undefined
  readonly decision: Decision
  readonly request: Pick<ProposeRequest, 'application' | 'isManual' | 'preflight' | 'signal'>
  readonly destination: Destination
}): Promise<HookProposal> {
  const { rendered, revision, isNew, stored, decision, request, destination } = facts
  if (rendered.length === 0) return { hooks: [], refusals: [] }
  const { applySet, catalog, namespace } = decision.facts
  const desired = desire(rendered, { namespace, applySet, catalog })
  const broken = refusedHooks(desired, decision.facts.observation)
  const planned = planHooks({
    hooks: desired.objects,
    entries: stored?.inventory.hooks ?? new Map(),
    revision,
    applied: stored?.inventory.revision,
    isNew,
    isManual: request.isManual,
  })
  const isOutside = (hook: PlannedHook): boolean => refusalOutside(decision.facts.observation, hook.desired.object) !== undefined
  const hooks = planned.map((hook) => (isOutside(hook) ? { ...hook, isRefused: true } : hook))
  if (request.preflight === false) return { hooks, refusals: broken }
  const judged = await Promise.all(hooks.map(async (hook) => ({ hook, refusal: await judge(hook, destination, request.signal) })))
  return {
    hooks: judged.map(({ hook, refusal }) => (refusal === undefined ? hook : { ...hook, isRefused: true })),
    refusals: [...broken, ...judged.flatMap(({ refusal }) => refusal ?? [])],
  }
}

/** Refusals that say nothing against the manifest: what it needs comes with the same commit, or cannot be asked yet. */
const DEFERRED = new Set(['conflict', 'namespace-missing', 'not-found', 'webhook-failed', 'dry-run-unsupported', 'forbidden'])

/** Under another name, because the object of an earlier run may stand in its place; and its namespace may still be missing. */
async function judge(hook: PlannedHook, destination: Destination, signal: AbortSignal): Promise<PlannedChange | undefined> {
  const { manifest, resource } = hook.desired
  if (resource === undefined || !hook.due || hook.isRefused === true) return undefined
  const { name } = manifest.metadata
  const trial = trialManifest(manifest)
  const operation: ApplyOperation = { verb: 'apply', manifest: trial, expect: 'absent', takeOver: false }
  const answer = await destination.dryRun(operation, resource, { awaitsNamespace: true, compare: false, signal })
  if (answer.ok || DEFERRED.has(answer.class)) return undefined
  const message = answer.message.replaceAll(trial.metadata.name, name)
  return refusedChange({ ...hookChange(hook), operation }, { ...answer, message })
}
