import { setTimeout as sleep } from 'node:timers/promises'
import { PART_OF_LABEL } from '../model/names.ts'
import { sha256 } from '../model/digest.ts'
import type { HookEntry } from '../model/hook.ts'
import type { ResourceKind } from '../model/kinds.ts'
import { displayName, groupKindKey, objectKey, versionOf, type ObjectId, type ObjectKey } from '../model/object.ts'
import type { ObservedObject } from '../model/observation.ts'
import { readAnnotations } from '../plan/annotations.ts'
import type { PlannedHook } from '../plan/hooks.ts'
import type { Found } from '../plan/questions.ts'
import type { ApplyOperation, CompletionOptions, CompletionReport, Destination, Refused, WriteOptions } from './ports.ts'
import { NEVER_RECREATED, untilGone } from './recreate.ts'

/** Marks which run an object belongs to: commit and content. A run that a crash has interrupted is joined, not begun again. */
const RUN_ANNOTATION = 'gitwake.dev/hook-run'
/** A namespace or a webhook of the same commit may need a moment. */
const PATIENCE_MS = 30_000
const PAUSE_MS = 500
const ATTEMPTS = 8
const COMING = new Set([
  'webhook-failed',
  'unknown-kind',
  'not-found',
  'namespace-missing',
  'forbidden',
  'unavailable',
  'too-many-requests',
])

/** What is needed to run hooks of one sync. */
export interface HookWork {
  readonly destination: Destination
  readonly applySet: string
  readonly revision: string
  readonly timeoutMs: number
  readonly maskLog?: (text: string) => string
  /** Ordinary objects that this sync prunes, inside its guards, with their uids: a hook of the same name may take their place. */
  readonly pruned?: ReadonlyMap<ObjectKey, string>
  /** Those that Git wants as ordinary objects: nobody's leftovers, whatever they were before. */
  readonly ordinary?: ReadonlySet<ObjectKey>
}

/** How one run of a hook has ended. `uid`: of its object, where one was made. */
export interface HookEnd {
  readonly status: CompletionReport['status']
  readonly message: string
  readonly log?: readonly string[]
  readonly uid?: string
  /** It could not be made, and that may change by itself. */
  readonly retryable?: boolean
}

/** Makes the object of a hook, in place of the one of an earlier run, and waits until it has run its course. */
export async function runHook(
  hook: PlannedHook,
  before: HookEntry | undefined,
  work: HookWork,
  options: WriteOptions,
  onMade: (uid: string) => void,
): Promise<HookEnd> {
  const { object, manifest } = hook.desired
  const resource = await resourceOf(hook, work, options.signal)
  if (resource === undefined) return { status: 'failed', message: `the cluster serves no ${manifest.kind} in ${manifest.apiVersion}` }
  const run = sha256(`${work.revision} ${hook.phase} ${hook.desired.sent}`).slice(0, 16)
  const earlier = await earlierRun(hook, run, before, resource, work, options)
  if ('message' in earlier) return earlier
  const uid = earlier.uid ?? (await make(hook, run, earlier.stands, resource, work, options))
  if (typeof uid !== 'string') return { status: 'failed', message: `it was refused: ${uid.message}`, retryable: uid.retryable }
  onMade(uid)
  const report = await work.destination.complete(object, resource, completion(uid, work.timeoutMs, work, options))
  return { ...report, uid }
}

function completion(uid: string, timeoutMs: number, { maskLog }: HookWork, { signal }: WriteOptions): CompletionOptions {
  return { uid, timeoutMs, signal, ...(maskLog && { maskLog }) }
}

/** A kind that comes with the same commit is waited for: its definition may be a hook that was made a moment ago. */
async function resourceOf({ desired }: PlannedHook, { destination }: HookWork, signal: AbortSignal): Promise<ResourceKind | undefined> {
  const find = async (refresh: boolean): Promise<ResourceKind | undefined> =>
    (await destination.catalog({ refresh }, signal)).find(desired.object, versionOf(desired.manifest.apiVersion))
  let found = (await find(false)) ?? (await find(true))
  const deadline = performance.now() + PATIENCE_MS
  while (found === undefined && desired.awaitsDefinition && performance.now() < deadline) {
    await sleep(PAUSE_MS, undefined, { signal })
    found = await find(true)
  }
  return found
}

/**
 * What stands in the way of a new run: removed, or joined where it is the same run that a crash has left. What would take data or other
 * people's objects along `stands`, and is brought up to date.
 */
async function earlierRun(
  hook: PlannedHook,
  run: string,
  before: HookEntry | undefined,
  resource: ResourceKind,
  work: HookWork,
  options: WriteOptions,
): Promise<{ readonly uid?: string; readonly stands?: ObservedObject } | HookEnd> {
  const { object } = hook.desired
  const seen = await look(object, resource.version, work, options.signal)
  if (seen === 'absent') return {}
  if (!mayReplace(seen, work))
    return {
      status: 'failed',
      message: `${displayName(object)} exists already, and no hook of this application made it: delete it, or give the hook another name`,
    }
  if (!seen.terminating && seen.annotations[RUN_ANNOTATION] === run) {
    const { status } = await work.destination.complete(object, resource, completion(seen.uid, 0, work, options))
    if (status === 'running' || (status === 'succeeded' && before?.state === 'intended')) return { uid: seen.uid }
  }
  if (!seen.terminating && isOurs(seen, work) && NEVER_RECREATED.has(groupKindKey(object))) return { stands: seen }
  const left = await removeObject(object, seen, resource, work, options)
  return left === undefined
    ? {}
    : { status: 'failed', message: `the object of its last run cannot be removed: ${left.message}`, retryable: left.retryable }
}

/**
 * Labels alone never delete: an operator's children may carry ours. Only what we applied has our fields, and only what was last applied as a hook
 * has the mark of a run: an ordinary object is subject to the guards of a prune.
 */
function isOurs({ labels, annotations, fields, controller }: ObservedObject, { applySet }: HookWork): boolean {
  const isMade = labels[PART_OF_LABEL] === applySet && fields !== undefined && controller === undefined
  return isMade && annotations[RUN_ANNOTATION] !== undefined
}

function mayReplace(seen: ObservedObject, work: HookWork): boolean {
  return isOurs(seen, work) || work.pruned?.get(objectKey(seen.object)) === seen.uid
}

async function look(object: ObjectId, version: string, { destination }: HookWork, signal: AbortSignal): Promise<Found> {
  const { found } = await destination.answer(
    { look: [{ object, version }], compare: [] },
    { found: new Map(), compared: new Map() },
    signal,
  )
  return found.get(objectKey(object)) ?? 'absent'
}

/** Deletes exactly this object and what it controls, and waits until it is gone. A Job's status moves on meanwhile, so it is looked at again. */
async function removeObject(
  object: ObjectId,
  first: ObservedObject,
  resource: ResourceKind,
  work: HookWork,
  options: WriteOptions,
): Promise<Refused | undefined> {
  let seen: Found = first
  for (let attempt = 1; seen !== 'absent' && seen.uid === first.uid; attempt += 1) {
    const { uid, version, resourceVersion } = seen
    const operation = { verb: 'delete', version, uid, resourceVersion, waitForDependents: true } as const
    const answer = await work.destination.delete(object, operation, resource, options)
    if (answer.ok) return await untilGone(object, operation, work.destination, options.signal)
    if (answer.class !== 'conflict' || attempt === ATTEMPTS) return answer
    seen = await look(object, version, work, options.signal)
    // Somebody took our marks from it meanwhile.
    if (seen !== 'absent' && seen.uid === first.uid && !mayReplace(seen, work)) return answer
  }
  return undefined
}

/** The uid of the new object, or of the one that `stands` and gets what the hook says. */
async function make(
  hook: PlannedHook,
  run: string,
  stands: ObservedObject | undefined,
  resource: ResourceKind,
  work: HookWork,
  options: WriteOptions,
): Promise<string | Refused> {
  const { manifest } = hook.desired
  const annotations = { ...manifest.metadata.annotations, [RUN_ANNOTATION]: run }
  let operation: ApplyOperation = {
    verb: 'apply',
    manifest: { ...manifest, metadata: { ...manifest.metadata, annotations } },
    expect: stands ?? 'absent',
    takeOver: false,
  }
  for (const deadline = performance.now() + PATIENCE_MS; ; await sleep(PAUSE_MS, undefined, { signal: options.signal })) {
    const answer = await work.destination.apply(operation, resource, { ...options, adopting: false })
    if (answer.ok) return answer.seen.uid
    // Its status moves; another object, or one that is nobody's or ours no more, is another matter.
    const now =
      answer.class === 'conflict' && stands !== undefined
        ? await look(hook.desired.object, resource.version, work, options.signal)
        : 'absent'
    const isSame = now !== 'absent' && now.uid === stands?.uid && !now.terminating && isOurs(now, work)
    if (!(isSame || COMING.has(answer.class)) || performance.now() >= deadline) return answer
    if (isSame) operation = { ...operation, expect: now }
  }
}

/**
 * Removes what a hook has left behind: exactly the object that its entry is about. What would take data or other people's objects along stays,
 * as in a prune, unless somebody has asked for its end: its own annotation, or (`isAsked`) the hook's. Never throws for a refusal: it stays tracked.
 */
export async function removeLeftover(
  entry: HookEntry,
  work: HookWork,
  options: WriteOptions,
  { isAsked = false }: { readonly isAsked?: boolean } = {},
): Promise<'gone' | 'left'> {
  const { object, version, uid, since, state } = entry
  if (uid === undefined && state !== 'intended') return 'gone'
  if (work.ordinary?.has(objectKey(object)) === true) return 'gone'
  const catalog = await work.destination.catalog({ refresh: false }, options.signal)
  const resource = catalog.find(object, version) ?? catalog.preferred(object)
  if (resource === undefined) return catalog.isStale(object.group) ? 'left' : 'gone'
  const seen = await look(object, resource.version, work, options.signal)
  if (seen === 'absent') return 'gone'
  // Another object under its name, or one that lost our marks, is nobody's leftover.
  const isIt = seen.uid === uid || (state === 'intended' && seen.createdAt >= since)
  if (!isIt || !isOurs(seen, work)) return 'gone'
  const isKept = NEVER_RECREATED.has(groupKindKey(object)) && readAnnotations(seen.annotations).policy.prune !== 'enabled'
  if (isKept && !isAsked) return 'gone'
  return (await removeObject(object, seen, resource, work, options)) === undefined ? 'gone' : 'left'
}
