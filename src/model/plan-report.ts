import type { Problem } from './error.ts'
import type { Target } from './intake.ts'
import type { Change, ChangeAction, Plan } from './plan.ts'
import { qualifyRef } from './ref.ts'

/** Which commit a plan is for: the head of the configured ref, of another one, of a pull request, or a commit that a branch has or had as its head. */
export type PlanSubject =
  | { readonly of: 'head' }
  | { readonly of: 'ref'; readonly ref: string }
  | { readonly of: 'revision'; readonly revision: string }
  | { readonly of: 'pull'; readonly pull: number }

/**
 * - `unchanged`: a sync would write nothing;
 * - `changes`: it would write, or holds a prune for a person's word;
 * - `refused`: it would write nothing, because something in it was refused;
 * - `failed`: there is no plan, because the commit cannot be rendered or somebody did not answer.
 */
export type PlanOutcome = 'unchanged' | 'changes' | 'refused' | 'failed'

/** What a sync would do to a cluster now, as CLI, API and UI show it. Plain data, secrets masked. */
export interface PlanReport {
  readonly schema: 1
  readonly application: string
  readonly cluster: string
  readonly subject: PlanSubject
  /** The full commit SHA that was rendered; undefined where there is none. */
  readonly revision: string | undefined
  /** Digest of the rendered objects. */
  readonly rendered: string | undefined
  readonly outcome: PlanOutcome
  /** One sentence. */
  readonly message: string
  readonly problem?: Problem
  /** In the order in which a sync takes them; every change except `unchanged`, which are only counted. */
  readonly changes: readonly Change[]
  readonly counts: Readonly<Partial<Record<ChangeAction, number>>>
  readonly warnings: readonly string[]
  readonly held?: Plan['held']
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly finishedAt: number
  /** Milliseconds per stage. */
  readonly timings: Readonly<Record<string, number>>
}

/** Plans on demand. Throws GitwakeError `redis-unavailable`. */
export interface Planner {
  /** Asks a worker for a plan; resolves with the moment, by Redis' clock, from which on a plan is new enough. */
  ask(target: Target, subject: PlanSubject): Promise<number>
  /** The kept plan, where it was begun at `since` or later; plans are kept for a quarter of an hour. */
  find(target: Target, subject: PlanSubject, since: number): Promise<PlanReport | undefined>
}

/** A subject as a query writes it: '', `ref=refs/heads/main`, `revision=…`, `pull=7`. */
export function subjectText(subject: PlanSubject): string {
  switch (subject.of) {
    case 'head':
      return ''
    case 'ref':
      return new URLSearchParams({ ref: subject.ref }).toString()
    case 'revision':
      return `revision=${subject.revision}`
    case 'pull':
      return `pull=${subject.pull}`
  }
}

/** Decodes a query; a string says what is wrong with it. Refs are branches and tags, revisions full commit ids. */
export function decodeSubject(query: { readonly [name: string]: unknown }): PlanSubject | string {
  const given = ['ref', 'revision', 'pull'].filter((name) => query[name] !== undefined)
  if (given.length > 1) return `give only one of ${given.join(' and ')}`
  const { ref, revision, pull } = query
  if (ref !== undefined) {
    const full = typeof ref === 'string' ? qualifyRef(ref) : undefined
    return full !== undefined && /^refs\/(heads|tags)\//.test(full) ? { of: 'ref', ref: full } : 'ref is no branch and no tag'
  }
  if (revision !== undefined) {
    const isCommit = typeof revision === 'string' && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(revision)
    return isCommit ? { of: 'revision', revision } : 'revision is no full commit id'
  }
  if (pull === undefined) return { of: 'head' }
  return typeof pull === 'string' && /^[1-9]\d{0,8}$/.test(pull)
    ? { of: 'pull', pull: Number(pull) }
    : 'pull is no number of a pull request'
}

/** The subject in the words of a sentence. */
export function displaySubject(subject: PlanSubject): string {
  switch (subject.of) {
    case 'head':
      return 'the head of the configured ref'
    case 'ref':
      return subject.ref.replace(/^refs\/heads\//, '')
    case 'revision':
      return subject.revision.slice(0, 12)
    case 'pull':
      return `pull request ${subject.pull}`
  }
}
