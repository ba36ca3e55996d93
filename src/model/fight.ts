import type { ObjectKey } from './object.ts'

/** One field that a sync took back. */
export interface Heal {
  readonly object: ObjectKey
  /** As users read it: `spec.replicas`. */
  readonly field: string
  readonly manager: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** What was synced: another commit may have settled it. */
  readonly revision: string
}

/** A field that somebody else takes back as often as we do: healing it again would change nothing but the log. */
export interface Fight {
  readonly object: ObjectKey
  readonly field: string
  readonly manager: string
  readonly times: number
  readonly revision: string
}
