import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import type { ApplicationStatus, SyncResult } from '../model/result.ts'

const LATENCY_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

/** What other parts tell; `text` is what Prometheus reads. */
export interface Metrics {
  /** `route` is a pattern (`/api/applications/:name`), never an address. */
  requestFinished(route: string, method: string, status: number): void
  /** `outcome`: accepted, duplicate, ignored, unauthorized, malformed, limited, unavailable … */
  deliveryReceived(provider: string, outcome: string): void
  syncFinished(result: SyncResult): void
  /** Jobs waiting for a worker of this cluster. */
  queueDepth(cluster: string, jobs: number): void
  text(): Promise<{ readonly contentType: string; readonly body: string }>
}

/** A registry of its own. `statuses` is asked at every scrape; where it fails, the scrape goes on without its figures. */
export function createMetrics(options: { statuses: () => Promise<readonly ApplicationStatus[]>; now: () => number }): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const counter = (name: string, help: string, labelNames: readonly string[]) => new Counter({ name, help, labelNames, registers })
  const gauge = (name: string, help: string, labelNames: readonly string[]) => new Gauge({ name, help, labelNames, registers })

  const requests = counter('gitwake_http_requests_total', 'HTTP requests answered', ['route', 'method', 'status'])
  const deliveries = counter('gitwake_deliveries_total', 'Webhook requests by what became of them', ['provider', 'outcome'])
  const syncs = counter('gitwake_syncs_total', 'Finished syncs', ['application', 'cluster', 'reason', 'outcome'])
  const stages = new Histogram({
    name: 'gitwake_sync_stage_seconds',
    help: 'Time that syncs spent in each stage',
    labelNames: ['stage'],
    buckets: LATENCY_BUCKETS,
    registers,
  })
  const depth = gauge('gitwake_queue_waiting_jobs', 'Jobs waiting for a worker', ['cluster'])
  const labels = ['application', 'cluster']
  const unapplied = gauge('gitwake_unapplied_seconds', 'Age of the oldest commit that is not applied yet; 0 when there is none', labels)
  const drifted = gauge('gitwake_drifted_objects', 'Objects that drifted and were not repaired', labels)
  const stopped = gauge('gitwake_suspended', '1 while nothing is applied, healed or pruned', labels)
  const rolledBack = gauge('gitwake_pinned', '1 while it stays where it was rolled back to', labels)
  const pending = gauge('gitwake_pending_tickets', 'Tickets given and not answered yet', labels)
  const ledger = gauge('gitwake_ledger_up', '1 when the figures per application could be read at this scrape', [])

  const readStatuses = async (): Promise<void> => {
    for (const one of [unapplied, drifted, stopped, rolledBack, pending]) one.reset()
    const statuses = await options.statuses().catch(() => undefined)
    ledger.set(statuses ? 1 : 0)
    for (const { application, cluster, unappliedSince, drift, suspended, pinned, wanted, done } of statuses ?? []) {
      unapplied.set({ application, cluster }, unappliedSince === undefined ? 0 : Math.max(0, options.now() - unappliedSince) / 1_000)
      drifted.set({ application, cluster }, drift.length)
      stopped.set({ application, cluster }, suspended === undefined ? 0 : 1)
      rolledBack.set({ application, cluster }, pinned === undefined ? 0 : 1)
      pending.set({ application, cluster }, Math.max(0, wanted - done))
    }
  }

  return {
    requestFinished: (route, method, status) => requests.inc({ route, method, status }),
    deliveryReceived: (provider, outcome) => deliveries.inc({ provider, outcome }),
    syncFinished({ application, cluster, reason, outcome, timings }) {
      syncs.inc({ application, cluster, reason, outcome })
      for (const [stage, milliseconds] of Object.entries(timings)) stages.observe({ stage }, milliseconds / 1_000)
    },
    queueDepth: (cluster, jobs) => depth.set({ cluster }, jobs),
    async text() {
      await readStatuses()
      return { contentType: registry.contentType, body: await registry.metrics() }
    },
  }
}
