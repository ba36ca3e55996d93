import type { OwnedEntry } from '../model/inventory.ts'
import type { Glimpse, ObservedObject } from '../model/observation.ts'

/**
 * What the metadata LIST tells of an object that we wrote before:
 * - `unchanged`: nobody touched it and Git still wants the same;
 * - `outdated`: Git wants something else;
 * - `drifted`: a field that we applied was changed or taken away;
 * - `suspect`: our fields are still ours but the object moved; only a dry-run can tell (an Apply in our name, a reordered list);
 * - `recreated`: another object stands under its name;
 * - `terminating`: it is being deleted, and an apply onto it would vanish.
 */
export type Verdict = 'unchanged' | 'outdated' | 'drifted' | 'suspect' | 'recreated' | 'terminating'

/** The unchanged rule (design.md). `sent` is the digest of what would be sent now. */
export function judge(entry: OwnedEntry, seen: ObservedObject, sent: string): Verdict {
  if (seen.terminating) return 'terminating'
  if (seen.uid !== entry.uid) return 'recreated'
  if (sent !== entry.sent) return 'outdated'
  if (seen.fields !== entry.fields) return 'drifted'
  return isStill(entry, seen) ? 'unchanged' : 'suspect'
}

/** Nothing was written since our own write, not even a status: then nothing else of it need be understood. */
export function isAsLeft(entry: OwnedEntry, { uid, resourceVersion, terminating, definition }: Glimpse): boolean {
  if (definition !== undefined && definition !== entry.definition) return false
  return resourceVersion === entry.resourceVersion && uid === entry.uid && !terminating
}

/** Kinds with a generation are compared by it (status updates do not raise it), the others by resourceVersion; under another schema nothing is sure. */
function isStill(entry: OwnedEntry, seen: ObservedObject): boolean {
  if (seen.definition !== undefined && seen.definition !== entry.definition) return false
  if (entry.generation !== undefined && seen.generation !== undefined) return entry.generation === seen.generation
  return entry.resourceVersion === seen.resourceVersion
}
