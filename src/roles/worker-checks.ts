import type { Canary } from '../queue/canary.ts'
import type { Check } from '../web/checks.ts'

/** Canaries come every 30 s. One missed round trip is a busy queue; so many are a queue that does not turn. */
const READY_WITHIN_MS = 90_000
const ALIVE_WITHIN_MS = 300_000

/** What a worker knows about itself. */
export interface WorkerState {
  readonly now: number
  /** Silence before that says nothing: the process had not started, or Redis was away. */
  readonly patientSince: number
  readonly redis: 'answers' | 'does not answer'
  /** Of each cluster that this process works for, its last canary. */
  readonly canaries: ReadonlyMap<string, Canary | undefined>
}

/** Would a restart help? Not where Redis is away; where canaries stay out for minutes although it answers. */
export function livenessOf(state: WorkerState): readonly Check[] {
  if (state.redis === 'does not answer') return [{ name: 'redis', ok: true, message: 'does not answer; a restart would not help' }]
  return canaryChecks(state, ALIVE_WITHIN_MS, state.patientSince)
}

/** Is work done? Redis answers, and each queue has turned lately. */
export function readinessOf(state: WorkerState): readonly Check[] {
  const redis = { name: 'redis', ok: state.redis === 'answers', message: state.redis }
  return redis.ok ? [redis, ...canaryChecks(state, READY_WITHIN_MS, 0)] : [redis]
}

function canaryChecks({ now, canaries }: WorkerState, withinMs: number, patientSince: number): readonly Check[] {
  return [...canaries].map(([cluster, canary]) => {
    const since = Math.max(canary?.at ?? 0, patientSince)
    return { name: `worker ${cluster}`, ok: now - since <= withinMs, message: canaryMessage(canary, now) }
  })
}

export function canaryMessage(canary: Canary | undefined, now: number): string {
  if (canary === undefined) return 'no canary has come back yet'
  return `the last canary came back ${Math.max(0, Math.round((now - canary.at) / 1000))} s ago`
}
