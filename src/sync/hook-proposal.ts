import type { PlannedChange } from '../model/plan.ts'
import { hookChange, refusedHooks, type PlannedHook } from '../plan/hooks.ts'
import { refusalOutside } from '../plan/outside.ts'
import type { Decision } from './decide.ts'
import type { ApplyOperation, Destination } from './ports.ts'
import { trialManifest } from './recreate.ts'
import { refusedChange } from './refusal.ts'

export interface HookProposal {
  readonly hooks: readonly PlannedHook[]
  /** Hooks that cannot be run, as entries of the plan. */
  readonly refusals: readonly PlannedChange[]
}

/** What the API server thinks of the hooks of a plan, asked before the first write. */
export async function proposeHooks(
  { facts: { hooks: wanted, observation } }: Decision,
  { preflight, signal }: { readonly preflight: object | false; readonly signal: AbortSignal },
  destination: Destination,
): Promise<HookProposal> {
  const broken = refusedHooks(wanted.desired, observation)
  const isOutside = (hook: PlannedHook): boolean => refusalOutside(observation, hook.desired.object) !== undefined
  const hooks = wanted.planned.map((hook) => (isOutside(hook) ? { ...hook, isRefused: true } : hook))
  if (preflight === false) return { hooks, refusals: broken }
  const judged = await Promise.all(hooks.map(async (hook) => ({ hook, refusal: await judge(hook, destination, signal) })))
  return {
    hooks: judged.map(({ hook, refusal }) => (refusal === undefined ? hook : { ...hook, isRefused: true })),
    refusals: [...broken, ...judged.flatMap(({ refusal }) => refusal ?? [])],
  }
}

/** Refusals that say nothing against the manifest: what it needs comes with the same commit, or cannot be asked yet. */
const DEFERRED = new Set(['conflict', 'namespace-missing', 'not-found', 'webhook-failed', 'dry-run-unsupported', 'forbidden'])

/** Under another name, because the object of an earlier run may stand in its place; and its namespace may still be missing. */
async function judge(hook: PlannedHook, destination: Destination, signal: AbortSignal): Promise<PlannedChange | undefined> {
  const { manifest, resource, awaitsDefinition } = hook.desired
  if (resource === undefined || awaitsDefinition || !hook.due || hook.isRefused === true) return undefined
  const { name } = manifest.metadata
  const trial = trialManifest(manifest)
  const operation: ApplyOperation = { verb: 'apply', manifest: trial, expect: 'absent', takeOver: false }
  const answer = await destination.dryRun(operation, resource, { awaitsNamespace: true, compare: false, signal })
  if (answer.ok || DEFERRED.has(answer.class)) return undefined
  const message = answer.message.replaceAll(trial.metadata.name, name)
  return refusedChange({ ...hookChange(hook), operation }, { ...answer, message })
}
