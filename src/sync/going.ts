import { setTimeout as sleep } from 'node:timers/promises'
import { groupKindKey, objectKey, type ObjectKey } from '../model/object.ts'
import { displayDeletion, type ObservedObject } from '../model/observation.ts'
import type { Plan, PlannedChange } from '../model/plan.ts'
import { STUCK } from '../plan/prune.ts'
import { byStageAndWave, type Place } from '../plan/stages.ts'
import type { Applying } from './apply.ts'
import type { Done } from './tracking.ts'

/** An object that is deleted, and not gone. */
interface Leaver {
  readonly change: PlannedChange
  readonly uid: string
  readonly version: string
  /** Milliseconds since 1970, by the API server's clock. */
  readonly since: number
}

/** What is on its way out of the cluster while a prune goes on. */
export interface Going {
  /** Takes in what was deleted just now, and how that ended. */
  add(deleted: readonly PlannedChange[], done: readonly Done[]): void
  /**
   * Waits until everything that goes before this place is gone; what went is told. Returns what is still there when its time is over, counted
   * from its deletion: one that hangs is waited for once, not at every sync.
   */
  before(place: Place): Promise<'gone' | 'superseded' | { readonly hanging: PlannedChange; readonly seen: ObservedObject }>
}

/** These are not gone at once, although no finalizer holds them. */
const TAKE_TIME = new Set(['/Pod', '/Namespace'])
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 2_000

export function openGoing(plan: Plan, { destination, options, superseded, waveTimeoutMs, onDone }: Applying): Going {
  let leavers: readonly Leaver[] = plan.changes.flatMap((change) =>
    change.leaving === undefined ? [] : [{ change, ...change.leaving, since: Date.parse(change.leaving.since) }],
  )

  /** Those of them that are still there, each as it is now. */
  async function look(at: readonly Leaver[]): Promise<ReadonlyMap<ObjectKey, ObservedObject>> {
    const questions = { look: at.map(({ change: { object }, version }) => ({ object, version })), compare: [] }
    const { found } = await destination.answer(questions, { found: new Map(), compared: new Map() }, options.signal)
    const there = new Map<ObjectKey, ObservedObject>()
    for (const { change, uid } of at) {
      const seen = found.get(objectKey(change.object))
      if (seen !== undefined && seen !== 'absent' && seen.uid === uid) there.set(objectKey(change.object), seen)
      else if (change.action === 'pruned') onDone({ change })
    }
    leavers = leavers.filter((leaver) => !at.includes(leaver) || there.has(objectKey(leaver.change.object)))
    return there
  }

  return {
    add(deleted, done) {
      const since = destination.serverTime()
      const keysOf = (some: readonly Done[]): ReadonlySet<ObjectKey> => new Set(some.map(({ change }) => objectKey(change.object)))
      const lingering = keysOf(done.filter(({ lingers }) => lingers === true))
      // Whose deletion was refused does not go.
      const refused = keysOf(done.filter(({ change }) => change.action === 'failed'))
      const some = deleted.flatMap((change) => {
        const { object, operation } = change
        if (operation.verb !== 'delete' || refused.has(objectKey(object))) return []
        if (!lingering.has(objectKey(object)) && !TAKE_TIME.has(groupKindKey(object))) return []
        return [{ change, uid: operation.uid, version: operation.version, since }]
      })
      leavers = [...leavers, ...some]
    },

    async before(place) {
      if (waveTimeoutMs === 0) return 'gone'
      for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
        const first = leavers.filter(({ change }) => byStageAndWave(change, place) > 0)
        const there = first.length === 0 ? new Map<ObjectKey, ObservedObject>() : await look(first)
        if (there.size === 0) return 'gone'
        for (const { change, since } of first) {
          const seen = there.get(objectKey(change.object))
          if (seen !== undefined && destination.serverTime() >= since + waveTimeoutMs) return { hanging: change, seen }
        }
        await sleep(pause, undefined, { signal: options.signal })
        if (await superseded()) return 'superseded'
      }
    },
  }
}

/** A prune that something before it has put off, as it is shown. */
export function putOff(change: PlannedChange, hanging: string, seen: ObservedObject): Done {
  return {
    change: {
      ...change,
      action: 'skipped',
      reason: `${change.reason}; ${hanging} goes before it: ${displayDeletion(seen)}`,
      fix: STUCK,
      operation: { verb: 'none' },
    },
    postponed: true,
  }
}
