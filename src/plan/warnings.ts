import { isJsonObject, type JsonObject } from '../model/json.ts'
import { PART_OF_LABEL } from '../model/names.ts'
import { displayName, groupOf, type Manifest } from '../model/object.ts'
import { isOurs, type ObservedObject } from '../model/observation.ts'
import { readAnnotations } from './annotations.ts'
import type { DesiredObject } from './desired.ts'
import { displayDrift } from './drift.ts'
import { ignoredApart, rulesFor } from './ignore.ts'
import type { PlanFacts } from './facts.ts'
import { isTakenOver } from './people.ts'
import { undeclaredFields } from './undeclared.ts'

/** Enough to see what kind of thing is going on. */
const MOST_FIELDS = 3
const MOST_WARNINGS = 50

/** What a person should know about a plan although nothing stops it. */
export function planWarnings(
  facts: Pick<PlanFacts, 'applySet' | 'answers' | 'desired' | 'observation' | 'undeclared' | 'ignore'>,
): string[] {
  const { applySet, desired, undeclared, ignore } = facts
  const autoscalers = scaledBy(desired.objects)
  const warnings = desired.objects.flatMap((object) => {
    const rules = rulesFor(object.object, ignore)
    const observed = observedOf(object, facts)
    const seen = observed && ignoredApart(observed, object.manifest, rules)
    const { policy } = readAnnotations(object.manifest.metadata.annotations ?? {})
    const isLeft = policy.apply !== 'always' || rules.some(({ fields }) => fields.some((steps) => steps.join('/') === 'spec/replicas'))
    return [
      ...(isLeft ? [] : replicas(object, autoscalers.get(object.key), seen, applySet)),
      // An object that is adopted is taken over as a whole: what goes with that stands in its difference.
      ...(seen?.labels[PART_OF_LABEL] === applySet ? addedByHand(object, seen, undeclared) : []),
    ].map((warning) => `${displayName(object.object)}: ${warning}`)
  })
  const more = warnings.length - MOST_WARNINGS
  return more > 0 ? [...warnings.slice(0, MOST_WARNINGS), `and ${more} more warnings of this kind`] : warnings
}

/** What the LIST does not show, because it is to be adopted, was looked at by its name. */
function observedOf(
  { key }: DesiredObject,
  { answers, observation }: Pick<PlanFacts, 'answers' | 'observation'>,
): ObservedObject | undefined {
  const found = answers.found.get(key)
  return observation.objects.get(key) ?? (found === 'absent' ? undefined : found)
}

/** Object key → the HorizontalPodAutoscaler of the same commit that scales it. */
function scaledBy(objects: readonly DesiredObject[]): ReadonlyMap<string, string> {
  return new Map(
    objects.flatMap(({ object, manifest }) => {
      const target = object.kind === 'HorizontalPodAutoscaler' ? memberOf(manifest, 'spec')?.['scaleTargetRef'] : undefined
      if (!isJsonObject(target)) return []
      const group = typeof target.apiVersion === 'string' ? groupOf(target.apiVersion) : ''
      return [[`${group}/${String(target.kind)}/${object.namespace}/${String(target.name)}`, displayName(object)] as const]
    }),
  )
}

/** The kinds whose `spec.replicas` becomes 1 where nobody sets it. */
const DEFAULTS_TO_ONE = new Set(['Deployment', 'StatefulSet', 'ReplicaSet', 'ReplicationController'])

function replicas(
  { object, manifest }: DesiredObject,
  autoscaler: string | undefined,
  seen: ObservedObject | undefined,
  applySet: string,
): string[] {
  const isDeclared = memberOf(manifest, 'spec')?.['replicas'] !== undefined
  if (isDeclared && autoscaler !== undefined)
    return [
      `spec.replicas is in Git and ${autoscaler} sets it too: each takes it back from the other. Remove it from Git, or leave it to the other (sync.ignore).`,
    ]
  if (isDeclared || seen === undefined || !DEFAULTS_TO_ONE.has(object.kind)) return []
  const isAdopted = seen.labels[PART_OF_LABEL] !== applySet
  if (!loses(seen, isAdopted)) return []
  const before = isAdopted ? 'is not in Git, and what set it is taken over' : 'is no longer in Git and nobody else has set it'
  const then = autoscaler === undefined ? '' : `, until ${autoscaler} scales it again`
  return [
    `spec.replicas ${before}: the API server resets it to 1${then}. To avoid that, let the autoscaler (or kubectl scale) set it first.`,
  ]
}

/** A field that only we own goes when we no longer send it; with an adoption we own what the tools before us declared. */
function loses({ managedFields }: ObservedObject, isAdopted: boolean): boolean {
  const owners = managedFields.filter(({ fields }) => memberOf(fields, 'f:spec')?.['f:replicas'] !== undefined)
  return (
    owners.length > 0 &&
    owners.every((owner) => isOurs(owner) || (isAdopted && owner.subresource === '' && isTakenOver(owner.manager, true)))
  )
}

function addedByHand({ manifest }: DesiredObject, seen: ObservedObject, undeclared: PlanFacts['undeclared']): string[] {
  const fields = undeclaredFields(manifest, seen)
  if (fields.length === 0) return []
  const more = fields.length > MOST_FIELDS ? ` and ${fields.length - MOST_FIELDS} more` : ''
  const own = readAnnotations(manifest.metadata.annotations ?? {}).policy.undeclared
  const then = (own ?? undeclared) === 'remove' ? 'removed with the next write' : 'kept (undeclared: report)'
  return [`not in Git, and ${then}: ${fields.slice(0, MOST_FIELDS).map(displayDrift).join('; ')}${more}`]
}

function memberOf(object: Manifest | JsonObject, name: string): JsonObject | undefined {
  const member = object[name]
  return isJsonObject(member) ? member : undefined
}
