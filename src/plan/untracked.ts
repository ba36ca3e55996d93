import type { Inventory } from '../model/inventory.ts'
import { PART_OF_LABEL } from '../model/names.ts'
import { displayName, objectKey, type ObjectKey } from '../model/object.ts'
import type { Observation, ObservedObject } from '../model/observation.ts'
import { isApplied } from './annotations.ts'
import { readHook } from './hook-annotations.ts'

const MOST_NAMED = 10

/**
 * Objects that this application applied and that its inventory does not know: it was lost, or an older one was put back. Labels alone never
 * delete, so somebody must be told. What an operator made with copied labels carries no field of ours; a hook's life is its policy's.
 */
function untracked(inventory: Inventory | undefined, { objects }: Pick<Observation, 'objects'>, applySet: string): ObservedObject[] {
  const hooks = new Set([...(inventory?.hooks?.values() ?? [])].map(({ object }) => objectKey(object)))
  return [...objects]
    .filter(([key, seen]) => isOurWork(seen, applySet) && inventory?.entries.has(key) !== true && !hooks.has(key))
    .map(([, seen]) => seen)
}

function isOurWork({ labels, fields, controller, terminating, annotations }: ObservedObject, applySet: string): boolean {
  if (labels[PART_OF_LABEL] !== applySet || fields === undefined || controller !== undefined || terminating) return false
  return readHook(annotations) === undefined && isApplied(annotations)
}

/** Of the untracked ones, those that Git does not declare either: the others are adopted. */
export function untrackedWarning(facts: {
  readonly inventory: Inventory | undefined
  readonly observation: Observation
  readonly applySet: string
  readonly wanted: ReadonlySet<ObjectKey>
}): string[] {
  const left = untracked(facts.inventory, facts.observation, facts.applySet).filter(({ object }) => !facts.wanted.has(objectKey(object)))
  if (left.length === 0) return []
  const names = left.slice(0, MOST_NAMED).map(({ object }) => displayName(object))
  const more = left.length > MOST_NAMED ? ` and ${left.length - MOST_NAMED} more` : ''
  return [
    `applied by this application, but neither in Git nor in its inventory, so nothing deletes it: ${names.join(', ')}${more}. Delete it by hand, remove its label ${PART_OF_LABEL}, or declare it in Git again.`,
  ]
}
