import type { CommitReport } from '../../src/model/commit.ts'
import type { Departure, Orphan } from '../../src/model/departure.ts'
import { GitwakeError } from '../../src/model/error.ts'
import type { DeliveryRecord, Intake, Ledger, Target } from '../../src/model/intake.ts'
import type { Ticket, Trigger } from '../../src/model/job.ts'
import type { ApplicationStatus, SyncResult } from '../../src/model/result.ts'
import type { Standing } from '../../src/model/standing.ts'

/** Ledger and Intake in memory, with the promises of the ports: what a test records is what they answer. */
export interface MemoryLedger extends Ledger, Intake {
  readonly triggers: readonly { readonly target: Target; readonly trigger: Trigger }[]
  readonly confirmed: readonly { readonly application: string; readonly digest: string; readonly actor: string }[]
  readonly said: readonly { readonly application: string; readonly standing: Standing }[]
  /** Waits that have neither got a result nor been given up. */
  waiting(): number
  readonly departed: readonly { readonly target: Target; readonly departure: Departure }[]
  setOrphans(orphans: readonly Orphan[]): void
  setStatuses(statuses: readonly ApplicationStatus[]): void
  /** Records a finished sync and answers the tickets up to its `seen`. */
  finish(result: SyncResult): void
  addDelivery(record: DeliveryRecord): void
  addCommit(report: CommitReport): void
  /** From now on everything fails as it does without Redis; until it is called with false. */
  cutRedis(away: boolean): void
}

export function createMemoryLedger(initial: readonly ApplicationStatus[] = []): MemoryLedger {
  let statuses = initial
  let away = false
  let orphans: readonly Orphan[] = []
  const departed: { target: Target; departure: Departure }[] = []
  const results: SyncResult[] = []
  const deliveries = new Map<string, DeliveryRecord>()
  const commits = new Map<string, CommitReport>()
  const once = new Map<string, { readonly request: string; readonly ticket: Ticket }>()
  const wanted = new Map<string, number>()
  const waiters = new Set<() => void>()
  const triggers: { target: Target; trigger: Trigger }[] = []
  const said: { application: string; standing: Standing }[] = []
  const confirmed: { application: string; digest: string; actor: string }[] = []

  const reach = (): void => {
    if (away) throw new GitwakeError('redis-unavailable', 'Redis cannot be reached.', { fix: 'Check REDIS_URL.', retryable: true })
  }
  const accept = (target: Target, trigger: Trigger): Ticket => {
    const number = (wanted.get(target.application) ?? 0) + 1
    wanted.set(target.application, number)
    triggers.push({ target, trigger })
    return { application: target.application, cluster: target.cluster, wanted: number }
  }
  const isFinal = ({ outcome, problem }: SyncResult): boolean => outcome !== 'superseded' && !(outcome === 'failed' && problem?.retryable)

  const ledger: MemoryLedger = {
    triggers,
    confirmed,
    said,
    waiting: () => waiters.size,
    departed,
    setOrphans: (next) => void (orphans = next),
    async orphans() {
      reach()
      return orphans
    },
    async depart(target, departure) {
      reach()
      departed.push({ target, departure })
    },
    setStatuses: (next) => void (statuses = next),
    addDelivery: (record) => void deliveries.set(record.id, record),
    addCommit: (report) => void commits.set(report.revision, report),
    cutRedis: (value) => void (away = value),
    finish(result) {
      results.unshift(result)
      for (const look of waiters) look()
    },
    async statuses() {
      reach()
      return statuses
    },
    async status(application) {
      reach()
      return statuses.find((status) => status.application === application)
    },
    async history(application, limit) {
      reach()
      return results.filter((result) => result.application === application).slice(0, limit)
    },
    async delivery(id) {
      reach()
      return deliveries.get(id)
    },
    async commits(digits) {
      reach()
      return [...commits.keys()].filter((revision) => revision.startsWith(digits))
    },
    async commit(revision) {
      reach()
      return commits.get(revision) ?? { revision, repositories: [], applications: [] }
    },
    async acceptDelivery(_delivery, targets, trigger) {
      reach()
      return { duplicate: false, tickets: targets.map((target) => accept(target, trigger)) }
    },
    async acceptTrigger(target, trigger) {
      reach()
      return accept(target, trigger)
    },
    async acceptOnce(target, trigger, { key, request }) {
      reach()
      const known = once.get(key)
      if (known !== undefined) return known.request === request ? known.ticket : undefined
      const ticket = accept(target, trigger)
      once.set(key, { request, ticket })
      return ticket
    },
    async acceptTriggers(targets, trigger) {
      reach()
      return targets.map((target) => accept(target, trigger))
    },
    async confirmPlan(target, digest, actor) {
      reach()
      confirmed.push({ application: target.application, digest, actor })
    },
    async say(target, standing) {
      reach()
      said.push({ application: target.application, standing })
    },
    async waitFor(ticket, signal) {
      reach()
      const find = (): SyncResult | undefined =>
        results.findLast((result) => result.application === ticket.application && result.seen >= ticket.wanted && isFinal(result))
      const { promise, resolve } = Promise.withResolvers<SyncResult | undefined>()
      const look = (): void => {
        const found = find()
        if (found || signal.aborted) resolve(found)
      }
      waiters.add(look)
      signal.addEventListener('abort', look)
      look()
      try {
        return await promise
      } finally {
        waiters.delete(look)
        signal.removeEventListener('abort', look)
      }
    },
    async waitForRevision(ticket, revision, signal) {
      for (let next = ticket; ;) {
        const result = await ledger.waitFor(next, signal)
        if (result === undefined || result.revision === revision || result.head !== undefined) return result
        next = { ...ticket, wanted: result.seen + 1 }
      }
    },
  }
  return ledger
}
