import type { HealthStatus } from '../../model/health.ts'
import { CHANGE_ACTIONS, type ChangeAction } from '../../model/plan.ts'
import type { ApplicationStatus, SyncOutcome } from '../../model/result.ts'
import type { SyncReason } from '../../model/job.ts'

/** How a state looks: each has a colour and an icon of its own, and always stands beside its word. */
export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'hold' | 'quiet'

/** A state in words. */
export interface Word {
  readonly label: string
  readonly tone: Tone
}

export const SYNC_WORDS: Readonly<Record<ApplicationStatus['sync'], Word>> = {
  synced: { label: 'Synced', tone: 'good' },
  'out of sync': { label: 'Out of sync', tone: 'warn' },
  syncing: { label: 'Syncing', tone: 'busy' },
  queued: { label: 'Queued', tone: 'busy' },
  failed: { label: 'Failed', tone: 'bad' },
  held: { label: 'Held', tone: 'hold' },
  suspended: { label: 'Suspended', tone: 'hold' },
  waiting: { label: 'Waiting', tone: 'busy' },
  unknown: { label: 'Not synced yet', tone: 'quiet' },
}

export const HEALTH_WORDS: Readonly<Record<HealthStatus, Word>> = {
  current: { label: 'Healthy', tone: 'good' },
  'in progress': { label: 'In progress', tone: 'busy' },
  failed: { label: 'Unhealthy', tone: 'bad' },
  terminating: { label: 'Terminating', tone: 'warn' },
  unknown: { label: 'Health unknown', tone: 'quiet' },
}

export const OUTCOME_WORDS: Readonly<Record<SyncOutcome, Word>> = {
  synced: { label: 'Synced', tone: 'good' },
  'not affected': { label: 'Not affected', tone: 'quiet' },
  superseded: { label: 'Superseded', tone: 'quiet' },
  drifted: { label: 'Drifted', tone: 'warn' },
  held: { label: 'Held', tone: 'hold' },
  suspended: { label: 'Suspended', tone: 'hold' },
  waiting: { label: 'Waiting', tone: 'busy' },
  failed: { label: 'Failed', tone: 'bad' },
}

export const ACTION_TONES: Readonly<Record<ChangeAction, Tone>> = {
  created: 'good',
  configured: 'busy',
  recreated: 'warn',
  unchanged: 'quiet',
  adopted: 'busy',
  pruned: 'warn',
  released: 'quiet',
  skipped: 'quiet',
  held: 'hold',
  failed: 'bad',
}

export const REASON_WORDS: Readonly<Record<SyncReason, string>> = {
  push: 'after a push',
  poll: 'found by a poll',
  drift: 'after a sweep',
  manual: 'by hand',
  dependency: 'after a dependency',
  retry: 'tried again',
}

/** Whether a person should look at this one first. */
export function needsAttention({ sync, health, drift }: ApplicationStatus): boolean {
  return (
    sync === 'failed' || sync === 'held' || sync === 'out of sync' || health === 'failed' || health === 'terminating' || drift.length > 0
  )
}

/** `1 object`, `3 objects`. */
export function plural(count: number, singular: string): string {
  return `${count.toLocaleString('en')} ${singular}${count === 1 ? '' : 's'}`
}

/** What happened: "1 failed, 2 configured, 38 unchanged". */
export function countsText(counts: Readonly<Partial<Record<ChangeAction, number>>>): string {
  const told = CHANGE_ACTIONS.filter((action) => (counts[action] ?? 0) > 0)
  const parts = told.map((action) => `${counts[action]?.toLocaleString('en')} ${action}`)
  return parts.length === 0 ? 'no objects' : parts.join(', ')
}

/** The branch or tag as people say it. */
export function shortRef(ref: string): string {
  return ref.replace(/^refs\/(heads|tags)\//, '')
}
