import type { HookDeletePolicy, HookEntry, HookKey, HookPhase } from '../model/hook.ts'
import { hookKey } from '../model/hook.ts'
import type { RenderedObject } from '../model/object.ts'
import type { Observation } from '../model/observation.ts'
import type { PlannedChange } from '../model/plan.ts'
import { readAnnotations } from './annotations.ts'
import type { Desired, DesiredObject } from './desired.ts'
import { hookWeight, readHook } from './hook-annotations.ts'
import { duplicate } from './duplicate.ts'
import { refusalOutside } from './outside.ts'
import { stageOf, startOrder, type Place } from './stages.ts'

/** One run of one hook that a sync may have to do. */
export interface PlannedHook {
  readonly phase: HookPhase
  readonly key: HookKey
  readonly desired: DesiredObject
  readonly deletePolicies: readonly HookDeletePolicy[]
  /** Whether this sync runs it (a sync-fail hook: should it fail). */
  readonly due: boolean
  /** It is refused (by the API server, or because it is outside of what is looked after): that is an entry of the plan already. */
  readonly isRefused?: boolean
}

/** Takes the hooks out of what was rendered. One without a name of its own gets one that belongs to the commit. */
export function splitHooks(
  rendered: readonly RenderedObject[],
  revision: string,
): { readonly objects: readonly RenderedObject[]; readonly hooks: readonly RenderedObject[] } {
  const { true: hooks = [], false: objects = [] } = Object.groupBy(rendered, ({ manifest }) =>
    String(readHook(manifest.metadata.annotations ?? {}) !== undefined),
  )
  return { objects, hooks: hooks.map((hook) => named(hook, revision)) }
}

function named({ manifest, origin }: RenderedObject, revision: string): RenderedObject {
  const { generateName, ...metadata } = manifest.metadata
  if (typeof generateName !== 'string') return { manifest, origin }
  return { manifest: { ...manifest, metadata: { ...metadata, name: `${generateName}${revision.slice(0, 10)}` } }, origin }
}

/** The hooks of a commit, as it wants them, and the runs that this sync may have to do. */
export interface HookPlan {
  readonly desired: Desired
  readonly planned: readonly PlannedHook[]
}

export const NO_HOOKS: HookPlan = { desired: { objects: [], warnings: [], duplicates: [] }, planned: [] }

export interface HookFacts {
  readonly hooks: readonly DesiredObject[]
  readonly entries: ReadonlyMap<HookKey, HookEntry>
  /** The commit that is synced now, and the one that was applied completely last. */
  readonly revision: string
  readonly applied: string | undefined
  /** Git wants something else than what was applied completely last. */
  readonly isNew: boolean
  /** A person asked: hooks run although they have. */
  readonly isManual: boolean
}

/**
 * The runs of a sync's hooks, by phase and wave. Around a commit that is new here, and where a person asks; never for drift. One that has
 * succeeded for a commit is not run again when that commit is tried again; one that has not is. Pure.
 */
export function planHooks(facts: HookFacts): readonly PlannedHook[] {
  return facts.hooks
    .flatMap((desired) => {
      const { phases = [], deletePolicies = [] } = readHook(desired.manifest.metadata.annotations ?? {}) ?? {}
      return phases.map((phase) => {
        const key = hookKey(phase, desired.key)
        return { phase, key, desired, deletePolicies, due: isDue(phase, facts.entries.get(key), facts) }
      })
    })
    .sort((a, b) => ORDER.indexOf(a.phase) - ORDER.indexOf(b.phase) || waveOfHook(a) - waveOfHook(b))
}

const ORDER: readonly HookPhase[] = ['pre-sync', 'sync', 'post-sync', 'sync-fail', 'post-delete']

function isDue(phase: HookPhase, entry: HookEntry | undefined, { revision, applied, isNew, isManual }: HookFacts): boolean {
  if (phase === 'post-delete') return false
  const hasSucceeded = entry?.state === 'succeeded' && entry.revision === revision
  if (phase === 'sync-fail') return !hasSucceeded
  const isOpen = entry !== undefined && entry.state !== 'succeeded' && entry.revision === applied
  return isManual || (isNew && !hasSucceeded) || isOpen
}

/** Its wave, or Helm's weight where it has none. */
export function waveOfHook({ desired }: PlannedHook): number {
  const annotations = desired.manifest.metadata.annotations ?? {}
  return readAnnotations(annotations).policy.wave ?? hookWeight(annotations) ?? 0
}

/** Where a sync hook runs among the objects. */
export function placeOfHook(hook: PlannedHook): Place {
  return { stage: stageOf(hook.desired.object), wave: waveOfHook(hook) }
}

/** The waves of these hooks, smaller ones first; of each, what is made side by side, in the order in which it is made. */
export function wavesOfHooks(hooks: readonly PlannedHook[]): readonly (readonly (readonly PlannedHook[])[])[] {
  const inOrder = <Key extends number>(groups: ReadonlyMap<Key, PlannedHook[]>): PlannedHook[][] =>
    [...groups].sort(([a], [b]) => a - b).map(([, group]) => group)
  return inOrder(Map.groupBy(hooks, waveOfHook)).map((wave) => {
    const stages = inOrder(Map.groupBy(wave, ({ desired }) => stageOf(desired.object)))
    return stages.flatMap((stage) => inOrder(Map.groupBy(stage, ({ desired }) => startOrder(desired.object))))
  })
}

/** Whether it runs at every sync that needs it, and not only in trouble or at the end. */
export function isAround({ phase, due }: PlannedHook): boolean {
  return due && phase !== 'sync-fail'
}

/** Whether hooks around the commit that is applied have still to run: a crash came between, or they failed. */
export function hasOpenHooks(entries: ReadonlyMap<HookKey, HookEntry> | undefined, applied: string | undefined): boolean {
  return [...(entries?.values() ?? [])].some(
    ({ phase, state, revision }) => phase !== 'post-delete' && phase !== 'sync-fail' && state !== 'succeeded' && revision === applied,
  )
}

/** Hooks that cannot be planned, as entries of the plan: what their annotations say is wrong, or has no counterpart here. */
export function refusedHooks(
  { objects, duplicates }: Pick<Desired, 'objects' | 'duplicates'>,
  observation: Pick<Observation, 'namespaces'>,
): readonly PlannedChange[] {
  const broken = objects.flatMap((desired): PlannedChange[] => {
    const { object, origin, manifest, resource } = desired
    const { phases = [], wrong = [] } = readHook(manifest.metadata.annotations ?? {}) ?? {}
    const base = { object, origin, stage: 0, operation: { verb: 'none' } } as const
    const failed = (reason: string, fix: string): PlannedChange[] => [{ ...base, action: 'failed', reason, fix, retryable: false }]
    if (wrong[0] !== undefined) return failed(wrong[0], 'Correct it in Git (docs/guides/order.md).')
    if (phases.length === 0)
      return [{ ...base, action: 'skipped', reason: 'its annotations make it a hook of a kind that no sync runs (a test, a rollback)' }]
    if (resource === undefined)
      return failed(
        `the cluster serves no ${manifest.kind} in ${manifest.apiVersion}`,
        'Install its CustomResourceDefinition, put it into the same application, or correct apiVersion and kind.',
      )
    const outside = refusalOutside(observation, object)
    return outside === undefined ? [] : failed(outside.reason, outside.fix)
  })
  return [...duplicates.map(duplicate), ...broken]
}

/** A hook as an entry of a plan, before it has run. */
export function hookChange({ phase, desired }: PlannedHook): PlannedChange {
  const { object, origin } = desired
  return { object, origin, action: 'created', reason: WHEN[phase], hook: phase, stage: 0, operation: { verb: 'none' } }
}

const WHEN: Readonly<Record<HookPhase, string>> = {
  'pre-sync': 'runs before anything is applied',
  sync: 'runs in its wave, once the objects of that are applied',
  'post-sync': 'runs once everything is healthy',
  'sync-fail': 'runs where the sync fails',
  'post-delete': 'runs after the application is deleted',
}
