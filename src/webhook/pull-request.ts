import { z } from 'zod'
import type { Ignored, PullRequest, PullRequestAction } from '../model/push.ts'
import { GitwakeError } from '../model/error.ts'
import type { Announcement } from './provider.ts'
import { branchOf } from './push-fields.ts'

export const numberField = z.int().min(1)
export const branchField = z.string().min(1).max(1000)

/** What every provider says of a pull request, in its own words; a revision that is no full object id names nothing. */
export interface ToldPullRequest extends Omit<PullRequest, 'kind' | 'action' | 'revision'> {
  readonly event: string
  /** Undefined for what changes neither head nor target: labels, reviews, comments. */
  readonly action: PullRequestAction | undefined
  readonly revision: string | null | undefined
}

/** The one form in which they go on. */
export function toPullRequest({ event, action, revision, source, target, ...told }: ToldPullRequest): PullRequest | Ignored {
  if (action === undefined) return { kind: 'ignored', event, reason: 'neither the head nor the target of the pull request has changed' }
  const isFull = typeof revision === 'string' && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/u.test(revision)
  return {
    ...told,
    kind: 'pull request',
    action,
    revision: isFull ? revision : undefined,
    source: branchOf(source),
    target: branchOf(target),
  }
}

/** A pull request that cannot be read starts as little as any other: a 4xx for it would make GitLab switch off the webhook, pushes and all. */
export function orIgnored(event: string, decode: () => Announcement): Announcement {
  try {
    return decode()
  } catch (error) {
    if (!(error instanceof GitwakeError)) throw error
    return { kind: 'ignored', event, reason: `the pull request could not be read: ${error.message}` }
  }
}
