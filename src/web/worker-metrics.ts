import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'

interface LastCanary {
  readonly at: number
  readonly roundTripMs: number
}

/** What Prometheus reads of a worker: its process and its queues. Syncs are counted once, where their results are folded (`serve`). */
export function createWorkerMetrics(options: {
  readonly canaries: () => Promise<ReadonlyMap<string, LastCanary | undefined>>
  readonly now: () => number
}): () => Promise<{ readonly contentType: string; readonly body: string }> {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const gauge = (name: string, help: string, labelNames: readonly string[]) => new Gauge({ name, help, labelNames, registers })
  const trip = gauge('gitwake_canary_seconds', 'Round trip of the last canary job', ['cluster'])
  const age = gauge('gitwake_canary_age_seconds', 'Time since the last canary job came back', ['cluster'])
  const up = gauge('gitwake_redis_up', '1 when Redis answered at this scrape', [])
  return async () => {
    const canaries = await options.canaries().catch(() => undefined)
    up.set(canaries ? 1 : 0)
    for (const one of [trip, age]) one.reset()
    for (const [cluster, canary] of canaries ?? []) {
      if (canary === undefined) continue
      trip.set({ cluster }, canary.roundTripMs / 1_000)
      age.set({ cluster }, Math.max(0, options.now() - canary.at) / 1_000)
    }
    return { contentType: registry.contentType, body: await registry.metrics() }
  }
}
