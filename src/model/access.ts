import { matchSegment } from './glob.ts'

/** What somebody may do: look, ask for syncs, decide (suspend, confirm, work on the queues). Each holds what stands before it. */
export const RIGHTS = ['read', 'sync', 'operate'] as const
export type Right = (typeof RIGHTS)[number]

/** A right, and the applications that it is about: those whose name and cluster look like one of the patterns. */
export interface Grant {
  readonly allow: Right
  readonly applications: readonly string[]
  readonly clusters: readonly string[]
}

/** Who makes a request, and what that person or program may do. */
export interface Principal {
  /** As results, logs and the audit name it. */
  readonly name: string
  /** Whether many may stand behind the name, so that what a request says of its sender tells more. */
  readonly shared: boolean
  /** Of a person who logged in: by which Login, and until when (ms since 1970). */
  readonly session?: { readonly login: string; readonly expiresAt: number }
  readonly grants: readonly Grant[]
}

export interface Place {
  readonly application: string
  readonly cluster: string
}

/** May they do this with an application? */
export function may({ grants }: Principal, right: Right, { application, cluster }: Place): boolean {
  return grants.some(
    ({ allow, applications, clusters }) =>
      includes(allow, right) &&
      applications.some((pattern) => matchSegment(pattern, application)) &&
      clusters.some((pattern) => matchSegment(pattern, cluster)),
  )
}

/** May they do this with every application that there is or will be? */
export function mayEverywhere({ grants }: Principal, right: Right): boolean {
  return grants.some(({ allow, applications, clusters }) => includes(allow, right) && applications.includes('*') && clusters.includes('*'))
}

/** May they do this anywhere at all? */
export function maySomewhere({ grants }: Principal, right: Right): boolean {
  return grants.some(({ allow }) => includes(allow, right))
}

function includes(allowed: Right, wanted: Right): boolean {
  return RIGHTS.indexOf(allowed) >= RIGHTS.indexOf(wanted)
}
