import type { Application, Repository } from '../model/configuration.ts'
import { problemOf, type Problem } from '../model/error.ts'
import type { PlannedChange } from '../model/plan.ts'
import type { PlanOutcome, PlanReport, PlanSubject } from '../model/plan-report.ts'
import { isAround } from '../plan/hooks.ts'
import { isEmpty } from '../plan/plan.ts'
import { resolveSubject } from './plan-source.ts'
import type { HeadsSeen, Source } from './ports.ts'
import { propose, type Proposal, type ProposePorts } from './propose.ts'
import { countActions, openProgress, problemOfChanges, publicChange, summarise } from './run.ts'
import { keptBack } from './waves.ts'

/** So many changes of live objects are shown field by field; beyond that a plan is a list. */
const DIFFS = 1_000

export interface PlanPorts extends ProposePorts {
  readonly source: Source
  readonly heads: HeadsSeen
  readonly now: () => number
}

export interface PlanRequest {
  readonly application: Application
  readonly repository: Repository
  readonly subject: PlanSubject
  readonly signal: AbortSignal
}

/** What a sync would do now: the same proposal, shown instead of carried out. Only reads; never throws, except where it was aborted. */
export async function planOnly(request: PlanRequest, ports: PlanPorts): Promise<PlanReport> {
  const { application, subject, signal } = request
  const startedAt = ports.now()
  const progress = openProgress()
  const end = (outcome: PlanOutcome, message: string, rest: { problem?: Problem; held?: PlanReport['held'] }): PlanReport => ({
    schema: 1,
    application: application.name,
    cluster: application.destination.cluster,
    subject,
    revision: progress.revision,
    rendered: progress.rendered,
    outcome,
    message,
    ...rest,
    changes: progress.changes.filter(({ action }) => action !== 'unchanged').map(publicChange),
    counts: countActions(progress.changes),
    warnings: progress.warnings,
    startedAt,
    finishedAt: ports.now(),
    timings: progress.timings,
  })
  try {
    const proposal = await propose(
      {
        application,
        confirmed: undefined,
        preflight: { diffs: DIFFS },
        signal,
        resolve: () => resolveSubject(subject, request, ports),
        isLooked: true,
        isManual: false,
        isAffected: () => true,
        audited: () => new Set(),
        fights: [],
        superseded: () => Promise.resolve(false),
      },
      ports,
      progress,
    )
    if (typeof proposal === 'string') return end('unchanged', 'nothing to do', {})
    const { held } = proposal.decision.plan
    const refused = proposal.refused.length > 0 && { problem: problemOfChanges('refused', proposal.refused) }
    if (application.sync.partial) progress.changes = keptBack(progress.changes)
    return end(outcomeOf(proposal, progress.changes, application), summarise(progress.changes), { ...refused, ...(held && { held }) })
  } catch (error) {
    signal.throwIfAborted()
    const problem = problemOf(error)
    return end('failed', problem.message, { problem })
  }
}

function outcomeOf({ decision, hooks, refused }: Proposal, changes: readonly PlannedChange[], { sync }: Application): PlanOutcome {
  if (refused.length > 0 && !sync.partial) return 'refused'
  if (!isEmpty({ changes }) || decision.plan.held !== undefined || hooks.some(isAround)) return 'changes'
  return changes.some(({ action }) => action === 'failed') ? 'refused' : 'unchanged'
}
