import type { Queue } from 'bullmq'
import { webhookSecretsOf } from '../config.ts'
import type { SyncResult } from '../model/result.ts'
import { readCanary } from '../queue/canary.ts'
import { createIntake, type QueueIntake } from '../queue/accept.ts'
import type { JobData } from '../queue/jobs.ts'
import { placeInLine } from '../queue/line.ts'
import { createPlanner } from '../queue/plans.ts'
import { createAudit } from '../record/audit/audit.ts'
import { openAuditFile, type AuditFileOptions } from '../record/audit/file.ts'
import { followIntoFile } from '../record/audit/follow.ts'
import { createAuditStore } from '../record/audit/store.ts'
import { startFold } from '../record/fold.ts'
import { createSharedFailures } from '../record/failures.ts'
import { createLedger } from '../record/ledger.ts'
import { createDiscovered } from '../login/discovered.ts'
import { createLogins } from '../login/logins.ts'
import { createSessionStore } from '../login/sessions.ts'
import { createOutgoingFetch } from '../outgoing/fetch.ts'
import { createMetrics } from '../web/metrics.ts'
import type { Check } from '../web/checks.ts'
import { createFailureLimit } from '../web/failure-limit.ts'
import { createQueueUi } from '../web/queue-ui.ts'
import { createQueueServer, createWebServer } from '../web/server.ts'
import { createTokenBook, type TokenBook } from '../web/tokens.ts'
import { createWitness } from '../web/witness.ts'
import { createMatch } from '../webhook/match.ts'
import type { RateLimit } from '../webhook/rate-limit.ts'
import { createReceiver } from '../webhook/receiver.ts'
import { auditConfiguration, auditedIntake, auditedQueueUi } from './audited.ts'
import { createAddressOf } from './address.ts'
import type { Process } from './process.ts'
import { canaryMessage } from './worker-checks.ts'

/** A running part of the program. */
export interface Running {
  close(): Promise<void>
}

/** Starts receiver, API, pages and ledger. Holds neither cluster nor Git credentials. */
export async function startServing(shared: Process): Promise<Running> {
  const { settings, log, connections, resolveSecret } = shared
  const configuration = shared.configuration.current
  const clusters = (): readonly string[] => [...configuration().clusters.keys()]
  const file = settings.auditFile === undefined ? undefined : await openAuditFile(auditFileOf(settings.auditFile, settings.auditMaxAgeMs))
  const store = createAuditStore({
    redis: connections.producer,
    retention: { ageMs: settings.auditMaxAgeMs, bytes: settings.auditMaxBytes },
    now: Date.now,
    known: () => file?.last(),
  })
  const following = file && followIntoFile({ store, file, log })
  const audit = createAudit({ store, mask: shared.mask, log })
  const audited = { audit, log, now: Date.now }
  const intake = auditedIntake(createIntake({ redis: connections.producer, queues: connections.queues, configuration, log }), audited)
  const told = auditConfiguration(audited)
  shared.onChange(told.accepted)
  shared.onRefused(told.refused)
  const fold = startFold({
    redis: connections.producer,
    blocking: connections.blocking,
    clusters,
    retention: { results: settings.historyLimit, ageMs: settings.historyMaxAgeMs },
    audit,
    log,
  })
  const ledger = createLedger({
    redis: connections.producer,
    configuration,
    fold,
    placeInLine: async (cluster, application) => placeInLine(connections.producer, cluster, application),
  })
  const metrics = createMetrics({ statuses: () => ledger.statuses(), now: Date.now })
  fold.onResult((result: SyncResult) => metrics.syncFinished(result))
  const queues = await openQueues(intake, shared)

  const tokens = createTokenBook({ shared: settings.apiTokens, configuration, resolveSecret, log, now: Date.now })
  const logins = createLogins({
    configuration,
    sessions: createSessionStore({ redis: connections.producer, now: Date.now }),
    ready: createDiscovered({
      resolveSecret,
      fetchFor: ({ allowInsecure }) => createOutgoingFetch({ allowInsecure, maxBytes: 1024 * 1024, timeoutMs: 10_000 }),
      now: Date.now,
    }),
    log,
    now: Date.now,
  })
  tellWhatIsClosed(shared, tokens)
  const addressOf = createAddressOf(settings.trustedProxies)
  const sharedFailures = (name: string, limit: RateLimit) =>
    createSharedFailures({ redis: connections.producer, name, limit, now: Date.now })
  const rateLimit = settings.rateLimit === 'off' ? undefined : settings.rateLimit
  const receiver = createReceiver({
    secrets: {
      shared: webhookSecretsOf(settings),
      forRepository: async (name) => {
        const reference = configuration().repositories.get(name)?.webhookSecretFrom
        return reference === undefined ? undefined : (await resolveSecret(reference)).split(',').map((secret) => secret.trim())
      },
    },
    intake,
    match: createMatch(configuration),
    missed: intake.missed,
    rateLimit,
    failures: rateLimit && sharedFailures('signature', rateLimit),
    addressOf,
    log,
    observe: (provider, status) => metrics.deliveryReceived(provider, outcomeOf(status)),
  })
  const failures = createFailureLimit({
    burst: 30,
    refillMs: 2_000,
    addresses: 10_000,
    now: Date.now,
    shared: sharedFailures('token', { requests: 30, perMs: 60_000 }),
  })
  const queueUi = auditedQueueUi(
    createQueueUi({
      queues: () => [...queues].map(([cluster, queue]) => ({ cluster, queue })),
      operator: settings.queuesOperator,
      alone: settings.queuesPort !== undefined,
    }),
    audited,
  )
  const door = {
    tokens,
    logins,
    witness: createWitness({ audit, now: Date.now }),
    failures,
    addressOf,
    configuration,
    ledger,
    log,
    now: Date.now,
  }
  const server = createWebServer({
    ...door,
    host: settings.host,
    port: settings.port,
    intake,
    planner: createPlanner({ redis: connections.producer, jobs: intake.jobs }),
    audit,
    readiness: () => readiness(shared),
    metrics,
    queueUi: settings.queuesPort === undefined ? queueUi : 'elsewhere',
    receiver,
  })
  const { url } = await server.listen()
  const own = settings.queuesPort === undefined ? undefined : { host: settings.queuesHost, port: settings.queuesPort }
  const queueServer = own && createQueueServer({ ...door, ...own, queueUi })
  const shown = await queueServer?.listen()
  if (shown) log.info({ queues: shown.url }, 'the queues are shown')
  log.info({ url, applications: configuration().applications.size }, 'gitwake listens')
  const depth = setInterval(() => {
    for (const [cluster, queue] of queues) {
      queue.getJobCountByTypes('waiting', 'prioritized', 'delayed', 'active').then(
        (jobs) => metrics.queueDepth(cluster, jobs),
        () => undefined,
      )
    }
  }, 10_000)

  return {
    async close() {
      clearInterval(depth)
      await Promise.all([server.close(), queueServer?.close()])
      await fold.close()
      await audit.close()
      await following?.close()
      await intake.close()
    },
  }
}

function auditFileOf(path: string, maxAgeMs: number): AuditFileOptions {
  return { path, maxBytes: 64 * 1024 * 1024, maxAgeMs, now: Date.now }
}

/** The queues of all clusters, opened as the configuration names them. */
async function openQueues(
  intake: QueueIntake,
  { configuration, connections, onChange, log }: Process,
): Promise<ReadonlyMap<string, Queue<JobData>>> {
  const queues = new Map<string, Queue<JobData>>()
  const open = async (): Promise<void> => {
    for (const cluster of configuration.current().clusters.keys()) {
      if (queues.has(cluster)) continue
      await intake
        .jobs(cluster)
        .queue()
        .then((queue) => queues.set(cluster, queue))
        .catch((error: unknown) => log.debug({ cluster, problem: String(error) }, 'the queue cannot be shown yet'))
    }
  }
  onChange(() => void open())
  connections.producer.on('ready', () => void open())
  void open()
  const again = setInterval(() => void open(), 10_000)
  again.unref()
  return queues
}

function tellWhatIsClosed({ settings, configuration, log }: Process, tokens: TokenBook): void {
  const own = [...configuration.current().repositories.values()].some(({ webhookSecretFrom }) => webhookSecretFrom !== undefined)
  const open = [
    ...Object.entries(webhookSecretsOf(settings)).flatMap(([provider, values]) => (values.length > 0 ? [provider] : [])),
    ...(own ? ['repositories with a secret of their own'] : []),
  ]
  if (open.length === 0)
    log.warn(
      {},
      'no webhook secret is set, so there is no receiver: set GITHUB_WEBHOOK_SECRET, GITLAB_WEBHOOK_SECRET or another one (docs/guides/webhooks.md); until then only polls see pushes',
    )
  else log.info({ receivers: open }, 'webhooks are received')
  if (tokens.isEmpty() && configuration.current().logins.size === 0)
    log.warn(
      {},
      'GITWAKE_API_TOKEN is not set, and the configuration has neither Token nor Login: the API, the pages and the queue UI stay closed',
    )
}

function outcomeOf(status: number): string {
  if (status === 202) return 'accepted'
  if (status === 200) return 'ignored'
  return status >= 500 ? 'unavailable' : 'refused'
}

async function readiness({ connections, configuration }: Process): Promise<readonly Check[]> {
  const redis = await connections.ping().then(
    () => ({ name: 'redis', ok: true, message: 'answers' }),
    () => ({ name: 'redis', ok: false, message: 'does not answer' }),
  )
  const problem = configuration.lastProblem()
  const valid = {
    name: 'configuration',
    ok: true,
    message: problem === undefined ? 'is what runs' : 'the newest change was refused; the last good one runs',
  }
  const workers = await Promise.all([...configuration.current().clusters.keys()].map((cluster) => workerCheck(cluster, connections)))
  return [redis, valid, ...workers]
}

/** A worker's canary shows that the queue turns; its absence makes no request wrong, so it is told and does not close the door. */
async function workerCheck(cluster: string, { producer }: Process['connections']): Promise<Check> {
  const canary = await readCanary(producer, cluster).catch(() => undefined)
  return { name: `worker ${cluster}`, ok: true, message: canaryMessage(canary, Date.now()) }
}
