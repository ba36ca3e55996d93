import type { Redis } from '../model/redis.ts'
import type { Orphan } from '../model/departure.ts'
import { isFinal } from '../model/answer.ts'
import type { Application, Configuration, CurrentConfiguration } from '../model/configuration.ts'
import { heirOf } from '../model/heir.ts'
import type { Ledger } from '../model/intake.ts'
import type { Ticket } from '../model/job.ts'
import { clusterKeys, receiverKeys } from '../model/keys.ts'
import type { ApplicationStatus, QueuePlace, SyncResult } from '../model/result.ts'
import { findCommits, reportCommit } from './commits/commits.ts'
import { decodeOrphan, decodePieces, decodeResult } from './decode.ts'
import { findDelivery } from './delivery.ts'
import type { Fold } from './fold.ts'
import { isLastWord, standsFor } from './revision.ts'
import { reachable } from './reachable.ts'
import { QUEUE_FIELDS, queueFacts, statusOf } from './status.ts'

/** The queries of API, CLI and UI. Everything throws GitwakeError `redis-unavailable` while Redis is away. */
export function createLedger({
  redis,
  configuration,
  fold,
  placeInLine,
}: {
  /** A connection that fails fast. */
  readonly redis: Redis
  readonly configuration: CurrentConfiguration
  readonly fold: Fold
  /** Where the sync of an application stands in its cluster's line. */
  readonly placeInLine: (cluster: string, application: string) => Promise<QueuePlace | undefined>
}): Ledger {
  const lastResult = createResultCache()
  const statuses = async (applications: readonly Application[]): Promise<readonly ApplicationStatus[]> => {
    const clusters = [...new Set(applications.map(({ destination }) => destination.cluster))]
    const published = new Map(
      await Promise.all(clusters.map(async (cluster) => [cluster, await redis.hgetall(clusterKeys(cluster).status)] as const)),
    )
    return Promise.all(
      applications.map(async (application) => {
        const { cluster } = application.destination
        const [facts, newest, place] = await Promise.all([
          redis.hmget(clusterKeys(cluster).application(application.name), ...QUEUE_FIELDS),
          redis.zrevrange(receiverKeys.history(application.name), 0, 0),
          placeInLine(cluster, application.name),
        ])
        return statusOf({
          application,
          queue: queueFacts(facts, place),
          pieces: decodePieces(published.get(cluster) ?? {}, application.name),
          lastResult: lastResult(application.name, newest[0]),
        })
      }),
    )
  }
  const history = async (application: string, limit: number): Promise<readonly SyncResult[]> => {
    if (limit < 1) return []
    const texts = await redis.zrevrange(receiverKeys.history(application), 0, limit - 1)
    return texts.flatMap((text) => decodeResult(text) ?? [])
  }
  const orphans = async (): Promise<readonly Orphan[]> => {
    const clusters = [...configuration().clusters.keys()]
    const texts = await Promise.all(clusters.map(async (cluster) => redis.hvals(clusterKeys(cluster).orphans)))
    const found = texts
      .flat()
      .flatMap((text) => decodeOrphan(text) ?? [])
      .filter((orphan) => isLeft(orphan, configuration()))
    return Promise.all(found.map(async (orphan) => withDeparture(redis, orphan, (await history(orphan.application, 1))[0])))
  }
  const questions = async () => ({
    redis,
    configuration: configuration(),
    statuses: await statuses([...configuration().applications.values()]),
  })
  const answered: Ledger['waitFor'] = async (ticket, signal) =>
    waitFor(ticket, signal, fold, async () => reachable(answerTo(redis, ticket)))
  return {
    statuses: async () => reachable(statuses([...configuration().applications.values()])),
    orphans: async () => reachable(orphans()),
    status: async (name) => {
      const application = configuration().applications.get(name)
      return application && (await reachable(statuses([application])))[0]
    },
    history: async (application, limit) => reachable(history(application, limit)),
    commits: async (digits) => reachable(questions().then((known) => findCommits(digits, known))),
    commit: async (revision) => reachable(questions().then((known) => reportCommit(revision, known))),
    delivery: async (id) => reachable(findDelivery(redis, configuration(), id)),
    waitFor: answered,
    async waitForRevision(ticket, revision, signal) {
      const source = configuration().applications.get(ticket.application)?.source
      for (let next = ticket; ;) {
        const result = await answered(next, signal)
        if (result === undefined || source === undefined || isLastWord(result)) return result
        const heads = await reachable(redis.lrange(clusterKeys(ticket.cluster).heads(source.repository, source.ref), 0, -1))
        if (standsFor(result.revision, revision, heads)) return result
        next = { ...ticket, wanted: result.seen + 1 }
      }
    },
  }
}

/** What is configured there again, or goes on under another name, is none any more, also before the next sweep. */
function isLeft({ application, cluster }: Orphan, configuration: Configuration): boolean {
  const configuredIn = configuration.applications.get(application)?.destination.cluster
  return configuredIn !== cluster && heirOf(application, cluster, configuration) === undefined
}

/** An orphan as it leaves: what was asked for and has no answer yet, and why the last try since it is one did not end it. */
async function withDeparture(redis: Redis, orphan: Orphan, newest: SyncResult | undefined): Promise<Orphan> {
  const { application, cluster, since } = orphan
  const [want, done, departure] = await redis.hmget(clusterKeys(cluster).application(application), 'want', 'done', 'departure')
  const isOpen = Number(want ?? 0) > Number(done ?? 0) && (departure === 'detach' || departure === 'delete')
  const problem = newest?.cluster === cluster && newest.finishedAt >= since ? newest.problem : undefined
  return { ...orphan, ...(isOpen && { departure }), ...(problem && { problem: { message: problem.message, fix: problem.fix } }) }
}

/** Listens first and looks then, so that no answer slips through between the two. */
async function waitFor(
  ticket: Ticket,
  signal: AbortSignal,
  fold: Fold,
  look: () => Promise<SyncResult | undefined>,
): Promise<SyncResult | undefined> {
  if (signal.aborted) return look()
  const { promise, resolve, reject } = Promise.withResolvers<SyncResult | undefined>()
  const leave = fold.onResult((result) => {
    if (answers(result, ticket)) resolve(result)
  })
  const looked = look()
  // An answer that is there already is told even to who does not wait at all.
  const giveUp = (): void => resolve(looked)
  signal.addEventListener('abort', giveUp)
  looked.then((answer) => answer && resolve(answer), reject)
  try {
    return await promise
  } finally {
    leave()
    signal.removeEventListener('abort', giveUp)
  }
}

/** Tickets are counted per cluster: what an application did where it was before says nothing about where it is now. */
function answers(result: SyncResult, { application, cluster, wanted }: Ticket): boolean {
  return result.application === application && result.cluster === cluster && result.seen >= wanted && isFinal(result)
}

/** The first final result that has seen the ticket, as the history has it. */
async function answerTo(redis: Redis, ticket: Ticket): Promise<SyncResult | undefined> {
  const [answered] = await redis.zrangebyscore(
    receiverKeys.answers(ticket.cluster, ticket.application),
    ticket.wanted,
    '+inf',
    'LIMIT',
    0,
    1,
  )
  if (answered === undefined) return undefined
  const texts = await redis.zrevrange(receiverKeys.history(ticket.application), 0, -1)
  const results = texts.flatMap((text) => decodeResult(text) ?? [])
  return results.findLast((result) => answers(result, ticket))
}

/** The newest result of an application rarely changes between two looks, and may be large: it is decoded once. */
function createResultCache(): (application: string, text: string | undefined) => SyncResult | undefined {
  const known = new Map<string, { readonly text: string; readonly result: SyncResult | undefined }>()
  return (application, text) => {
    if (text === undefined) return undefined
    const before = known.get(application)
    if (before?.text === text) return before.result
    const result = decodeResult(text)
    known.set(application, { text, result })
    return result
  }
}
