import { type Canary, readCanary } from '../queue/canary.ts'
import { type Probes, startProbes } from '../web/probes.ts'
import { createWorkerMetrics } from '../web/worker-metrics.ts'
import type { Process } from './process.ts'
import type { WorkOptions } from './work.ts'
import { livenessOf, readinessOf, type WorkerState } from './worker-checks.ts'

/** What of a process its probes look at. */
type ProbedProcess = Pick<Process, 'connections' | 'log'> & {
  readonly settings: Pick<Process['settings'], 'host' | 'probePort'>
  readonly configuration: Pick<Process['configuration'], 'current'>
}

/** Answers kubelets and Prometheus where GITWAKE_PROBE_PORT is set; a worker that only drains the queue sends no canaries, and has none. */
export async function startWorkerProbes(
  { settings, connections, configuration, log }: ProbedProcess,
  options: WorkOptions,
): Promise<Probes | undefined> {
  if (settings.probePort === undefined || options.drain) return undefined
  let patientSince = Date.now()
  const clusters = (): readonly string[] =>
    options.cluster === undefined ? [...configuration.current().clusters.keys()] : [options.cluster]
  const canaries = async (): Promise<ReadonlyMap<string, Canary | undefined>> =>
    new Map(await Promise.all(clusters().map(async (name) => [name, await readCanary(connections.producer, name)] as const)))
  const state = async (): Promise<WorkerState> => {
    const known = await canaries().catch(() => undefined)
    if (known === undefined) patientSince = Date.now()
    return { now: Date.now(), patientSince, redis: known ? 'answers' : 'does not answer', canaries: known ?? new Map() }
  }
  const metrics = createWorkerMetrics({ canaries, now: Date.now })
  const probes = await startProbes({
    host: settings.host,
    port: settings.probePort,
    liveness: async () => livenessOf(await state()),
    readiness: async () => readinessOf(await state()),
    metrics: () => metrics(),
    log,
  })
  log.info({ url: probes.url }, 'probes are answered')
  return probes
}
