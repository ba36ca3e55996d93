import type { ObjectId } from './object.ts'

/** `terminating` is an outcome of its own; `unknown` only where the object could not be read. */
export type HealthStatus = 'current' | 'in progress' | 'failed' | 'terminating' | 'unknown'

export interface Health {
  readonly status: HealthStatus
  /** One sentence for people: "2 of 3 replicas are available". */
  readonly message: string
}

export interface ObjectHealth extends Health {
  readonly object: ObjectId
  /** The last lines of the container that made it fail, secrets masked. */
  readonly log?: readonly string[]
}

/** The worst status wins; no objects are healthy. */
export function worstHealth(statuses: Iterable<HealthStatus>): HealthStatus {
  const order: readonly HealthStatus[] = ['current', 'unknown', 'in progress', 'terminating', 'failed']
  let worst: HealthStatus = 'current'
  for (const status of statuses) if (order.indexOf(status) > order.indexOf(worst)) worst = status
  return worst
}
