/** Managers behind which a person stands: what they set by hand is undone when we heal. */
const PEOPLE = [/^kubectl/, /^before-first-apply$/, /^k9s/, /^lens/i, /^Mozilla/, /^dashboard/, /^headlamp/i]

/** Whether the manager of a managedFields entry is a tool in somebody's hand. */
export function isPerson(manager: string): boolean {
  return PEOPLE.some((pattern) => pattern.test(manager))
}
