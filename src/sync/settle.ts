import type { SyncResult } from '../model/result.ts'
import { displayName } from '../model/object.ts'
import { isApplied } from '../plan/annotations.ts'
import { isEmpty } from '../plan/plan.ts'
import type { Hooks } from './hooks.ts'
import { logMask } from './log-mask.ts'
import type { HealthReport } from './ports.ts'
import { notHealthy, runPostSync } from './post-sync.ts'
import type { Syncing } from './request.ts'
import { summarise, type Run } from './run.ts'
import type { Written } from './write.ts'

/** From written to done: waits for health, runs the hooks that follow it, and says how the sync ended. */
export async function settle(written: Written, hooks: Hooks, syncing: Syncing): Promise<SyncResult> {
  const { request, ports, run } = syncing
  const { application, signal } = request
  const hasPostSync = hooks.due('post-sync').length > 0 && written.decision.plan.held === undefined
  const waited = await waitForHealth(written, hasPostSync, syncing)
  if (!hasPostSync) return conclude(run, written)
  if (waited === 'superseded') return run.end('superseded', `a newer request arrived before the post-sync hooks: ${summarise(run.changes)}`)
  if (run.health.status !== 'current' && application.sync.healthTimeoutMs > 0) return run.stoppedBy(notHealthy(run.health))
  const { carried } = written
  const stopped = await run.time('hooks', () =>
    runPostSync({ hooks, application: application.name, destination: ports.destination, stored: carried.stored, signal }),
  )
  run.changes = [...carried.changes, ...hooks.changes()]
  return stopped === undefined ? conclude(run, written) : run.stoppedBy(stopped)
}

/** Nothing written and healthy before: still healthy, as far as this run is concerned. Otherwise look, and wait where something was written. */
async function waitForHealth(written: Written, isAwaited: boolean, { request, ports, run }: Syncing): Promise<HealthReport['ended']> {
  const { plan, facts } = written.decision
  const wrote = !isEmpty(plan)
  if (!wrote && request.lastHealth === 'current') return 'settled'
  const { objects: desired } = facts.desired
  // What is never applied may not be there, and is nobody's wait.
  const wanted = desired.filter(({ manifest }) => isApplied(manifest.metadata.annotations))
  if (!wanted.some(({ object }) => ports.destination.hasHealth(object))) {
    // Being there is all that such objects can be.
    run.health = { status: 'current', objects: [] }
    return 'settled'
  }
  run.health = { status: 'in progress', objects: [] }
  await request.onApplied({ ...conclude(run, written), finishedAt: ports.now() })
  const { application, signal, superseded } = request
  const objects = wanted.map(({ object }) => object)
  const timeoutMs = wrote || isAwaited ? application.sync.healthTimeoutMs : 0
  const maskLog = logMask(
    application,
    desired.map(({ manifest }) => manifest),
  )
  const report = await run.time('health', () =>
    ports.destination.health(objects, facts.applySet, { timeoutMs, signal, superseded, ...(maskLog && { maskLog }) }),
  )
  run.health = { status: report.status, objects: report.objects.filter(({ status }) => status !== 'current') }
  return report.ended
}

function conclude(run: Run, { decision: { plan } }: Written): SyncResult {
  const summary = summarise(run.changes)
  if (plan.held !== undefined)
    return run.end('held', plan.held.reason, { code: 'held', message: plan.held.reason, fix: plan.held.fix, retryable: false })
  const sick = run.health.objects.find(({ status }) => status === 'failed') ?? run.health.objects[0]
  return run.end('synced', sick === undefined ? summary : `${summary}; ${displayName(sick.object)} is ${sick.status}: ${sick.message}`)
}
