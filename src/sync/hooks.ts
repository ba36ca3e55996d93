import type { HookEntry, HookKey, HookPhase } from '../model/hook.ts'
import type { ObjectHealth } from '../model/health.ts'
import { canonicalJson } from '../model/json.ts'
import { displayName, versionOf, type Manifest } from '../model/object.ts'
import type { PlannedChange } from '../model/plan.ts'
import { hookChange, wavesOfHooks, type PlannedHook } from '../plan/hooks.ts'
import { removeLeftover, runHook, type HookEnd, type HookWork } from './hook-run.ts'
import type { WriteOptions } from './ports.ts'
import { announcedAt } from './tracking.ts'
import type { Stopped } from './waves.ts'

/** The hooks of one sync, and what has become of them so far. */
export interface Hooks {
  /** Nothing is to be run around the sync, removed after earlier ones, or remembered for the application's end. */
  readonly isIdle: boolean
  /** Those that this sync runs (sync-fail: should it fail). */
  due(phase: HookPhase): readonly PlannedHook[]
  /** Puts down all that may be made, before the first of them is, so that a crash orphans nothing. */
  announce(): void
  /** What the inventory must say of hooks now; undefined where there never was one. */
  entries(): ReadonlyMap<HookKey, HookEntry> | undefined
  /** Runs due hooks, wave by wave; undefined where all have succeeded. */
  run(hooks: readonly PlannedHook[], options: WriteOptions): Promise<Stopped | undefined>
  /** Removes what hooks have left that Git no longer has. */
  removeLeftovers(options: WriteOptions): Promise<void>
  /** Deletes what its policy says, once it is recorded how it ended. */
  tidy(options: WriteOptions): Promise<void>
  /** The due hooks as entries of the result. */
  changes(): readonly PlannedChange[]
}

export interface HooksOptions {
  readonly planned: readonly PlannedHook[]
  /** Of the inventory, as it was read. */
  readonly entries: ReadonlyMap<HookKey, HookEntry> | undefined
  readonly work: HookWork
}

export function openHooks({ planned, entries: before, work }: HooksOptions): Hooks {
  const due = planned.filter((hook) => hook.due)
  const around = due.filter(({ phase }) => phase !== 'sync-fail')
  const last = planned.filter(({ phase, key, desired }) => phase === 'post-delete' && isNews(before?.get(key), desired.manifest))
  const wanted = new Set(planned.map(({ key }) => key))
  const leftovers = [...(before ?? [])].filter(([key]) => !wanted.has(key))
  const ends = new Map<HookKey, HookEnd>()
  let entries = before

  const put = (key: HookKey, entry: HookEntry | undefined): void => {
    // A new map each time: whether the inventory must be written is told by identity.
    const next = new Map(entries)
    if (entry === undefined) next.delete(key)
    else next.set(key, entry)
    entries = next
  }
  const amend = (key: HookKey, change: Partial<HookEntry>): void => {
    const entry = entries?.get(key)
    if (entry !== undefined) put(key, { ...entry, ...change })
  }

  /** They run side by side, but a Job is made after the account and the roles that it runs with. Returns those that failed. */
  async function runWave(groups: readonly (readonly PlannedHook[])[], options: WriteOptions): Promise<readonly PlannedHook[]> {
    const ends: Promise<PlannedHook | undefined>[] = []
    for (const group of groups) {
      const started = group.map((hook) => startOne(hook, options))
      ends.push(...started.map(({ ended }) => ended))
      if ((await Promise.all(started.map(({ made }) => made))).includes(false)) break
    }
    const ran = await Promise.allSettled(ends)
    const broken = ran.find((one) => one.status === 'rejected')
    if (broken !== undefined) throw broken.reason
    return ran.flatMap((one) => (one.status === 'fulfilled' && one.value !== undefined ? [one.value] : []))
  }

  /** `made`: whether its object is there, so that what needs it may follow. */
  function startOne(hook: PlannedHook, options: WriteOptions) {
    const { promise: made, resolve } = Promise.withResolvers<boolean>()
    const ended = runOne(hook, options, () => resolve(true))
    ended.then(
      (failed) => resolve(failed === undefined),
      () => resolve(false),
    )
    return { made, ended }
  }

  async function runOne(hook: PlannedHook, options: WriteOptions, onMade: () => void): Promise<PlannedHook | undefined> {
    const end = await runHook(hook, before?.get(hook.key), work, options, (uid) => {
      amend(hook.key, { uid })
      onMade()
    })
    ends.set(hook.key, end)
    // One that ran out of time is still at work: it stays announced, and the next try joins it.
    if (end.status !== 'running') amend(hook.key, { state: end.status, ...(end.uid !== undefined && { uid: end.uid }) })
    return end.status === 'succeeded' ? undefined : hook
  }

  return {
    isIdle: around.length + leftovers.length + last.length === 0,
    due: (phase) => due.filter((hook) => hook.phase === phase),

    announce() {
      const since = announcedAt(work.destination.serverTime())
      for (const { phase, key, desired } of [...due, ...last]) {
        const { object, manifest } = desired
        const uid = entries?.get(key)?.uid
        put(key, {
          phase,
          object,
          version: versionOf(manifest.apiVersion),
          revision: work.revision,
          state: 'intended',
          since,
          // The object of its last run may still be there.
          ...(uid !== undefined && { uid }),
          ...(phase === 'post-delete' && { manifest }),
        })
      }
    },

    entries: () => entries,

    async run(hooks, options) {
      for (const groups of wavesOfHooks(hooks)) {
        const failed = await runWave(groups, options)
        if (failed.length > 0) return stoppedBy(failed, ends)
      }
      return undefined
    },

    async removeLeftovers(options) {
      for (const [key, entry] of leftovers) {
        // Of a post-delete hook that Git no longer has, nothing was ever made.
        const left = entry.phase === 'post-delete' ? 'gone' : await removeLeftover(entry, work, options)
        if (left === 'gone') put(key, undefined)
      }
    },

    async tidy(options) {
      for (const { key, deletePolicies } of due) {
        const entry = entries?.get(key)
        if (entry === undefined || entry.state === 'intended' || !deletePolicies.includes(entry.state)) continue
        await removeLeftover(entry, work, options, { isAsked: true })
      }
    },

    changes: () =>
      due
        .filter(({ phase, key, isRefused }) => ends.has(key) || (phase !== 'sync-fail' && isRefused !== true))
        .map((hook) => changeOf(hook, ends.get(hook.key))),
  }
}

function isNews(entry: HookEntry | undefined, manifest: Manifest): boolean {
  return entry?.manifest === undefined || canonicalJson(entry.manifest) !== canonicalJson(manifest)
}

function changeOf(hook: PlannedHook, end: HookEnd | undefined): PlannedChange {
  const change = hookChange(hook)
  if (end === undefined) return { ...change, action: 'skipped', reason: `not run, because the sync ended before: ${change.reason}` }
  if (end.status === 'succeeded') return { ...change, reason: `${hook.phase} hook succeeded: ${end.message}` }
  return { ...change, action: 'failed', reason: `${hook.phase} hook ${howItFailed(end)}`, fix: FIX, retryable: end.retryable === true }
}

const FIX = 'Look at its log, and mend it in Git or what it needs; it runs again with the next commit, and when the sync is tried again.'

function howItFailed({ status, message }: HookEnd): string {
  return status === 'running' ? 'has not ended in time (spec.sync.hookTimeout)' : `failed: ${message}`
}

function stoppedBy(failed: readonly PlannedHook[], ends: ReadonlyMap<HookKey, HookEnd>): Stopped {
  const told = failed.flatMap((hook) => {
    const end = ends.get(hook.key)
    return end === undefined ? [] : [{ hook, end, message: `${hook.phase} hook ${displayName(hook.desired.object)} ${howItFailed(end)}` }]
  })
  const objects: ObjectHealth[] = told.map(({ hook, end }) => ({
    object: hook.desired.object,
    status: 'failed',
    message: end.message,
    ...(end.log !== undefined && { log: end.log }),
  }))
  const [first] = failed
  return {
    problem: {
      code: 'hook-failed',
      message: told.map(({ message }) => message).join('\n'),
      fix: FIX,
      retryable: told.length > 0 && told.every(({ end }) => end.retryable === true),
      ...(first && { object: first.desired.object, origin: first.desired.origin }),
    },
    health: { status: 'failed', objects },
  }
}
