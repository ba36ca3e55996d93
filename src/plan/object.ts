import type { InventoryEntry, OwnedEntry } from '../model/inventory.ts'
import type { ResourceKind } from '../model/kinds.ts'
import { PART_OF_LABEL } from '../model/names.ts'
import { whyUnknown, type Observation, type ObservedObject } from '../model/observation.ts'
import { groupKindKey } from '../model/object.ts'
import type { ChangeAction, FieldDrift, PlannedChange } from '../model/plan.ts'
import { readAnnotations } from './annotations.ts'
import type { DesiredObject } from './desired.ts'
import { displayDrift, lostFields } from './drift.ts'
import { leaveFight } from './fights.ts'
import { ignoredApart, rulesFor, withoutIgnored } from './ignore.ts'
import { refusalOutside } from './outside.ts'
import { claim } from './ownership.ts'
import { isPerson } from './people.ts'
import type { PlanFacts } from './facts.ts'
import type { Questions } from './questions.ts'
import { stageOf } from './stages.ts'
import { judge } from './unchanged.ts'

type Compare = Questions['compare'][number]

/** The change for one object that Git wants. `ask` is set where only a dry-run can tell whether it differs. */
export function planObject(desired: DesiredObject, facts: PlanFacts): { readonly change: PlannedChange; readonly ask?: Compare } {
  const entry = facts.inventory?.entries.get(desired.key)
  const blocked = whyNot(desired, facts)
  if (blocked !== undefined) return { change: blocked }
  const { policy } = readAnnotations(desired.manifest.metadata.annotations ?? {})
  if (policy.apply === 'never') return { change: skip(desired, 'its annotation says never to apply it') }
  const found = facts.answers.found.get(desired.key)
  const seen = facts.observation.objects.get(desired.key) ?? (found === 'absent' ? undefined : found)
  if (seen !== undefined && policy.apply === 'create-only')
    return { change: skip(desired, 'exists, and its annotation says only to create it where it is missing') }
  if (seen === undefined) {
    return {
      change: entry?.status === 'owned' ? { ...create(desired, 'was deleted from the cluster'), drift: [] } : create(desired, 'new in Git'),
    }
  }
  if (entry?.status !== 'owned') return { change: isOurs(entry, seen, facts) ? finish(desired, seen, facts) : adopt(desired, seen, facts) }
  // A sweep of another application must not start a fight: whose label it carries decides.
  if (isForeign(seen, facts)) return { change: adopt(desired, seen, facts) }
  const judged = judge(entry, seen, desired.sent)
  const isAudited = judged === 'unchanged' && facts.audited.has(desired.key)
  const verdict = isAudited ? 'suspect' : judged
  switch (verdict) {
    case 'unchanged':
      return { change: unchanged(desired) }
    case 'terminating':
      return { change: terminating(desired) }
    case 'recreated':
      return { change: adopt(desired, seen, facts) }
    case 'outdated':
      return { change: outdated(desired, entry, seen, facts) }
    case 'drifted': {
      const wanted = withoutLost(desired, seen, facts)
      const isLeft = wanted !== desired && lostFields(wanted.manifest, seen).length === 0
      return isLeft ? suspected(wanted, seen, 'drifted: a field that was applied is gone', facts) : { change: drifted(wanted, seen, facts) }
    }
    case 'suspect': {
      const reason = isAudited
        ? 'drifted without a trace on the object: an admission policy, a schema or the API server changed'
        : 'drifted: changed in our name, or in its order'
      return suspected(withoutLost(desired, seen, facts), seen, reason, facts)
    }
  }
}

/** Only a dry-run can tell whether it differs: until it was asked for, it does. */
function suspected(
  desired: DesiredObject,
  seen: ObservedObject,
  reason: string,
  facts: PlanFacts,
): { change: PlannedChange; ask?: Compare } {
  const compared = facts.answers.compared.get(desired.key)
  if (compared === 'same') return { change: undeclared(desired, seen, facts) ?? { ...unchanged(desired), moved: true } }
  const change = { ...write(desired, seen, 'configured', reason, facts), drift: [] }
  return compared === undefined ? { change, ask: { desired, seen } } : { change }
}

/** Git has not changed: an ignored field that is gone from ours was taken or removed by somebody, and is theirs to decide about. */
function withoutLost(desired: DesiredObject, seen: ObservedObject, { ignore }: PlanFacts): DesiredObject {
  const rules = rulesFor(desired.object, ignore)
  return rules.length === 0 ? desired : { ...desired, manifest: withoutIgnored(desired.manifest, seen, rules, false) }
}

function whyNot(desired: DesiredObject, { observation, catalog }: PlanFacts): PlannedChange | undefined {
  const { apiVersion, kind } = desired.manifest
  if (desired.resource === undefined) {
    if (catalog.isStale(desired.object.group))
      return fail(desired, `unknown: the API server behind ${apiVersion} is away`, 'Look at its APIService; the sync is tried again.', true)
    return fail(
      desired,
      `the cluster serves no ${kind} in ${apiVersion}`,
      'Install its CustomResourceDefinition, put it into the same application, or correct apiVersion and kind.',
      false,
    )
  }
  const [wrong] = readAnnotations(desired.manifest.metadata.annotations ?? {}).wrong
  if (wrong !== undefined) return fail(desired, wrong, 'Correct it in Git (docs/reference/annotations.md).', false)
  const outside = refusalOutside(observation, desired.object)
  if (outside !== undefined) return fail(desired, outside.reason, outside.fix, false)
  const unknown = whyUnknown(observation, desired.object)
  return unknown === undefined ? undefined : fail(desired, `unknown: ${unknown}`, listFix(desired.resource, observation), true)
}

function listFix({ group, kind, resource, namespaced }: ResourceKind, { namespaces, unlistable }: Observation): string {
  if (unlistable.get(groupKindKey({ group, kind }))?.isForbidden === false)
    return 'Nothing to do in Git: the API server answers so, and the sync is tried again. If it goes on, look at its log, or at what serves this kind.'
  if (namespaces !== undefined) return `Grant list on ${resource} in ${namespaces.join(', ')} (gitwake rbac prints the roles).`
  const instead = namespaced ? ', or name the namespaces that are granted in spec.namespaces of the Cluster' : ''
  return `Grant list on ${resource} in the whole cluster (gitwake rbac prints the roles)${instead}.`
}

/** Made by a sync that a crash has interrupted. All applications write under one manager: only the label tells them apart. */
function isOurs(entry: InventoryEntry | undefined, seen: ObservedObject, facts: PlanFacts): boolean {
  if (entry?.status !== 'intended' || seen.labels[PART_OF_LABEL] === undefined || isForeign(seen, facts)) return false
  return seen.fields !== undefined && (seen.createdAt >= entry.since || seen.uid === entry.replaces)
}

function isForeign({ labels }: ObservedObject, { applySet, former }: PlanFacts): boolean {
  const owner = labels[PART_OF_LABEL]
  return owner !== undefined && owner !== applySet && owner !== former?.applySet
}

function outdated(desired: DesiredObject, { fields }: OwnedEntry, seen: ObservedObject, facts: PlanFacts): PlannedChange {
  const { former } = facts
  const change = (reason: string): PlannedChange => write(desired, seen, 'configured', reason, facts)
  if (former !== undefined && seen.labels[PART_OF_LABEL] === former.applySet) return change(`taken over from ${former.name}`)
  if (seen.fields === fields) return change('changed in Git')
  // What nobody holds may be new in Git.
  const drift = lostFields(desired.manifest, seen).filter(({ manager }) => manager !== undefined)
  return drift.length === 0
    ? change('changed in Git, and drifted')
    : { ...change(`changed in Git, and drifted: ${driftText(drift)}`), drift }
}

function finish(desired: DesiredObject, seen: ObservedObject, facts: PlanFacts): PlannedChange {
  return seen.terminating ? terminating(desired) : write(desired, seen, 'configured', 'finishes an interrupted sync', facts)
}

function terminating(desired: DesiredObject): PlannedChange {
  return fail(desired, 'is being deleted; it is applied again once it is gone', 'Look at its finalizers if this does not end.', true)
}

function skip(desired: DesiredObject, reason: string): PlannedChange {
  return { ...base(desired), action: 'skipped', reason, operation: { verb: 'none' } }
}

function create(desired: DesiredObject, reason: string): PlannedChange {
  return {
    ...base(desired),
    action: 'created',
    reason,
    operation: { verb: 'apply', manifest: desired.manifest, expect: 'absent', takeOver: false },
  }
}

function adopt(desired: DesiredObject, seen: ObservedObject, facts: PlanFacts): PlannedChange {
  const verdict = claim(seen, facts.applySet, facts.applicationOf, facts.former)
  if (verdict.verdict === 'refuse') return fail(desired, verdict.reason, verdict.fix, false)
  if (seen.terminating) return fail(desired, 'exists and is being deleted', 'It is created once the old one is gone.', true)
  const { fix } = verdict
  const change = { ...write(desired, seen, 'adopted', verdict.reason, facts), ...(fix !== undefined && { fix }) }
  // What another tool applied becomes ours as a whole; otherwise a key removed from Git would stay live for ever.
  return change.operation.verb === 'apply' ? { ...change, operation: { ...change.operation, takeOver: true } } : change
}

/** Fields that a person added, where they are to be removed: nothing of ours differs, and only a take-over can undo them. */
function undeclared(desired: DesiredObject, seen: ObservedObject, facts: PlanFacts): PlannedChange | undefined {
  if ((readAnnotations(desired.manifest.metadata.annotations ?? {}).policy.undeclared ?? facts.undeclared) !== 'remove') return undefined
  const { managedFields } = ignoredApart(seen, desired.manifest, rulesFor(desired.object, facts.ignore))
  const person = managedFields.find(
    ({ manager, subresource, fields }) => subresource === '' && isPerson(manager) && Object.keys(fields).length > 0,
  )
  return person && write(desired, seen, 'configured', `drifted: ${person.manager} added fields that Git does not declare`, facts)
}

function drifted(desired: DesiredObject, seen: ObservedObject, facts: PlanFacts): PlannedChange {
  const drift = lostFields(desired.manifest, seen)
  const told = drift.length === 0 ? 'a field that was applied is gone' : driftText(drift)
  const change = { ...write(desired, seen, 'configured', `drifted: ${told}`, facts), drift }
  const left = leaveFight(change, facts.fights)
  return left === undefined ? change : { ...change, ...left, operation: { verb: 'none' } }
}

function driftText(drift: readonly FieldDrift[]): string {
  const more = drift.length > 3 ? ` and ${drift.length - 3} more` : ''
  return drift.slice(0, 3).map(displayDrift).join('; ') + more
}

function write(desired: DesiredObject, seen: ObservedObject, action: ChangeAction, reason: string, facts: PlanFacts): PlannedChange {
  const rules = rulesFor(desired.object, facts.ignore)
  return {
    ...base(desired),
    action,
    reason,
    operation: {
      verb: 'apply',
      manifest: withoutIgnored(desired.manifest, seen, rules, true),
      ...(rules.length > 0 && { ignore: rules }),
      expect: { uid: seen.uid, resourceVersion: seen.resourceVersion },
      takeOver: (readAnnotations(desired.manifest.metadata.annotations ?? {}).policy.undeclared ?? facts.undeclared) === 'remove',
    },
  }
}

function unchanged(desired: DesiredObject): PlannedChange {
  return { ...base(desired), action: 'unchanged', reason: 'as in Git', operation: { verb: 'none' } }
}

function fail(desired: DesiredObject, reason: string, fix: string, retryable: boolean): PlannedChange {
  return { ...base(desired), action: 'failed', reason, fix, retryable, operation: { verb: 'none' } }
}

function base({ object, origin, sent, wave }: DesiredObject): Pick<PlannedChange, 'object' | 'origin' | 'sent' | 'stage' | 'wave'> {
  return { object, origin, sent, stage: stageOf(object), ...(wave !== 0 && { wave }) }
}
