import type { SyncJob } from '../model/job.ts'
import type { ObjectKey } from '../model/object.ts'
import { hasOpenHooks } from '../plan/hooks.ts'
import { dueForAudit } from './audit.ts'
import type { StoredInventory } from './ports.ts'

/** Drift and what a person wishes are looked into, whatever the commit is. */
export function isLooked({ reason, confirmedPlan }: SyncJob): boolean {
  return (reason !== 'push' && reason !== 'poll' && reason !== 'dependency') || confirmedPlan !== undefined
}

/** Equal inputs, a clean inventory and no failure that stands: the commit changes nothing here. */
export function isAffected(job: SyncJob, inputs: string | undefined, stored: StoredInventory | undefined): boolean {
  if (isLooked(job) || job.afterFailure === true || auditedBy(job, stored).size > 0) return true
  if (inputs === undefined || stored?.inventory.inputs !== inputs) return true
  const { entries, hooks, revision } = stored.inventory
  return hasOpenHooks(hooks, revision) || [...entries.values()].some(({ status }) => status !== 'owned')
}

/** The objects that the triggers of this job want to see audited. */
export function auditedBy({ application, triggers }: SyncJob, stored: StoredInventory | undefined): ReadonlySet<ObjectKey> {
  const tracked = [...(stored?.inventory.entries.keys() ?? [])]
  return new Set(triggers.flatMap(({ audit }) => (audit === undefined ? [] : [...dueForAudit(application, tracked, audit)])))
}
