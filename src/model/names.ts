import { hash } from 'node:crypto'

/** The manager under which every object is applied (design.md, "one LIST answers everything"). */
export const FIELD_MANAGER = 'gitwake'
/** Owns the fields of what gitwake has let go. */
export const DETACHED_MANAGER = 'gitwake-detached'
/** Marks the members of an application; the value is its ApplySet id (KEP-3659). */
export const PART_OF_LABEL = 'applyset.kubernetes.io/part-of'
/** `gitwake.dev/prune: enabled | disabled` on an object. */
export const PRUNE_ANNOTATION = 'gitwake.dev/prune'

/** The object that carries an application's inventory. */
export function inventoryName(application: string): string {
  return `gitwake-${application}`
}

/** The ApplySet id of an application, derived from its inventory Secret as KEP-3659 prescribes. */
export function applySetId(application: string, inventoryNamespace: string): string {
  const parent = `${inventoryName(application)}.${inventoryNamespace}.Secret.`
  return `applyset-${hash('sha256', parent, 'base64url')}-v1`
}
