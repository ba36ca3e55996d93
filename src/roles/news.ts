import type { Trigger } from '../model/job.ts'

/** Who asks for a sync because the configuration is not the one that was seen last. */
export const CONFIGURATION = 'configuration'

/** What a run is about, as far as it is known. */
export interface Underway {
  /** The commit that it found; undefined until then. */
  readonly revision: string | undefined
  /** Whether what it began with is still what is configured. */
  readonly isConfigured: boolean
}

/**
 * Whether a newer request may bring what a run has not got yet. One for the commit that is being synced is answered with it; one for the
 * configuration that it was begun with has a run of its own afterwards, which finds nothing to do; to stop this one would only cost time. Pure.
 */
export function bringsNews({ reason, actor, revision }: Trigger, underway: Underway): boolean {
  if (reason === 'poll' && actor === CONFIGURATION) return !underway.isConfigured
  if (reason !== 'poll' && reason !== 'push') return true
  return revision === undefined || revision !== underway.revision
}
