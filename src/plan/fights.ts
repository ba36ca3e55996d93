import type { Fight, Heal } from '../model/fight.ts'
import { displayName, objectKey, type ObjectId } from '../model/object.ts'
import type { Change } from '../model/plan.ts'
import type { SyncResult } from '../model/result.ts'

/** This many heals of one field, within this time and against one manager, are a fight. */
export const MOST_HEALS = 5
export const WITHIN_MS = 10 * 60_000

/** What a sync took back, and from whom. */
export function healsOf({ changes, revision, finishedAt }: SyncResult): readonly Heal[] {
  if (revision === undefined) return []
  return changes
    .filter(({ action }) => action === 'configured')
    .flatMap(({ object, drift = [] }) =>
      drift.flatMap(({ field, manager }) =>
        manager === undefined ? [] : [{ object: objectKey(object), field, manager, at: finishedAt, revision }],
      ),
    )
}

/** The fights among heals; those that are too long ago count no more. */
export function fightsIn(heals: readonly Heal[], now: number): readonly Fight[] {
  const recent = heals.filter(({ at }) => now - at <= WITHIN_MS)
  const byField = Map.groupBy(recent, ({ object, field, manager, revision }) => JSON.stringify([object, field, manager, revision]))
  return [...byField.values()].flatMap((same) => {
    const [first] = same
    return first === undefined || same.length < MOST_HEALS ? [] : [{ ...first, times: same.length }]
  })
}

/** A drifted object of which nothing is left to heal but what is fought over: it is left alone, and told so. */
export function leaveFight(change: Change, fights: readonly Fight[]): Pick<Change, 'action' | 'fix' | 'reason'> | undefined {
  const { object, drift = [] } = change
  const own = fights.filter((fight) => fight.object === objectKey(object))
  const fought = drift.map(({ field }) => own.find((fight) => fight.field === field))
  const [first] = fought
  if (first === undefined || fought.includes(undefined)) return undefined
  return {
    action: 'skipped',
    reason: `not healed any more: ${first.manager} has taken ${first.field} back ${first.times} times within ${WITHIN_MS / 60_000} min`,
    fix: `Leave the field out of Git, or leave it to ${first.manager} in the application's spec.sync.ignore: ${ruleFor(object, own)}. A new commit or a manual sync of ${displayName(object)}'s application heals again.`,
  }
}

/** The rule as it is written into the configuration. */
function ruleFor({ group, kind, namespace, name }: ObjectId, fights: readonly Fight[]): string {
  const fields = [...new Set(fights.map(({ field }) => `'${pointer(field)}'`))].join(', ')
  const within = namespace === '' ? '' : `, namespace: ${namespace}`
  return `{group: ${group === '' ? '""' : group}, kind: ${kind}${within}, name: ${name}, fields: [${fields}]}`
}

/** `spec.template.spec.containers[name=web].image` → `/spec/template/spec/containers/[name=web]/image` */
function pointer(field: string): string {
  return [...field.matchAll(/\[([^\]]*)\]|[^.[\]]+/g)]
    .map(([text, inside]) => (inside?.includes('=') ? text : (inside ?? text).replaceAll('~', '~0').replaceAll('/', '~1')))
    .map((step) => `/${step}`)
    .join('')
}
