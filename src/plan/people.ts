/** Managers behind which a person stands: what they set by hand is undone when we heal. */
const PEOPLE = [/^kubectl/, /^before-first-apply$/, /^k9s/, /^lens/i, /^Mozilla/, /^dashboard/, /^headlamp/i]

/** Whether the manager of a managedFields entry is a tool in somebody's hand. */
export function isPerson(manager: string): boolean {
  return PEOPLE.some((pattern) => pattern.test(manager))
}

/** Tools that declare whole objects: when an object changes hands, so do the fields that they declared. */
const TOOLS = [/^kustomize-controller$/, /^helm-controller$/, /^argocd-/, /^helm$/, /^gitwake-detached$/, /^Go-http-client$/, /^terraform/i]

/** Whose fields become ours before a write that takes over, so that it can remove what Git does not declare. */
export function isTakenOver(manager: string, adopting: boolean): boolean {
  return isPerson(manager) || (adopting && TOOLS.some((pattern) => pattern.test(manager)))
}
