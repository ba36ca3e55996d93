import type { Redis } from '../model/redis.ts'
import type { Configuration } from '../model/configuration.ts'
import type { DeliveryRecord, StoredDelivery } from '../model/intake.ts'
import { clusterKeys, receiverKeys } from '../model/keys.ts'
import { decodeAnswer, decodeDelivery, decodeResult, type StoredAnswer } from './decode.ts'

type Target = StoredDelivery['targets'][number]
type DeliveryOutcome = DeliveryRecord['outcomes'][number]

/**
 * What became of a delivery. An id may come several times: hosts send one event to all webhooks that wait for it, with other bodies or to other addresses. Then all
 * outcomes are told, with what the newest that woke somebody says.
 */
export async function findDelivery(redis: Redis, configuration: Configuration, id: string): Promise<DeliveryRecord | undefined> {
  const stored = Object.entries(await redis.hgetall(receiverKeys.delivery(id))).flatMap(([name, text]) => {
    const delivery = decodeDelivery(text)
    return delivery ? [{ mark: name.replace(/\/.*$/u, ''), delivery }] : []
  })
  const newestFirst = stored.toSorted((left, right) => right.delivery.receivedAt - left.delivery.receivedAt)
  const told = newestFirst.find(({ delivery }) => delivery.targets.length > 0) ?? newestFirst[0]
  if (!told) return undefined
  const { targets: _, ...delivery } = told.delivery
  const outcomes = await Promise.all(newestFirst.map(async (one) => outcomesOf(redis, configuration, one)))
  return { ...delivery, outcomes: [...new Map(outcomes.flat().map((outcome) => [keyOf(outcome), outcome])).values()] }
}

/** The common webhook and a repository's own may have woken the same application: a body gets one ticket there. */
function keyOf({ application, ticket }: DeliveryOutcome): string {
  return `${application} ${ticket}`
}

async function outcomesOf(
  redis: Redis,
  configuration: Configuration,
  { mark, delivery }: { readonly mark: string; readonly delivery: StoredDelivery },
): Promise<readonly DeliveryOutcome[]> {
  const tickets = await ticketsOf(redis, mark, delivery.targets)
  return Promise.all(
    delivery.targets.map(async (target) => {
      const { application, cluster } = target
      const isKnown = configuration.applications.get(application)?.destination.cluster === cluster
      return outcomeOf(redis, delivery, target, tickets.get(`${cluster}/${application}`), isKnown)
    }),
  )
}

/** A target without a ticket was cut off in the middle: the sender was told to try again. */
async function ticketsOf(redis: Redis, mark: string, targets: StoredDelivery['targets']): Promise<ReadonlyMap<string, number>> {
  const clusters = [...new Set(targets.map(({ cluster }) => cluster))]
  const pairs = await Promise.all(
    clusters.map(async (cluster) => {
      const text = (await redis.hget(clusterKeys(cluster).deliveries, mark)) ?? ''
      return text.split(' ').flatMap((pair): [string, number][] => {
        const [application, wanted] = pair.split('=')
        return wanted === undefined ? [] : [[`${cluster}/${application}`, Number(wanted)]]
      })
    }),
  )
  return new Map(pairs.flat())
}

async function outcomeOf(
  redis: Redis,
  delivery: StoredDelivery,
  target: Target,
  ticket: number | undefined,
  isKnown: boolean,
): Promise<DeliveryOutcome> {
  const base = { application: target.application, ticket: ticket ?? 0 }
  const answer = ticket === undefined ? undefined : await answerTo(redis, target, ticket)
  if (answer && ticket !== undefined && answer.code !== 'unknown-application') return { ...base, ...tell(delivery, ticket, answer) }
  if (!isKnown || answer) return { ...base, state: 'unknown application', message: 'the configuration does not have it any more' }
  return { ...base, state: 'pending', ...(await troubleOf(redis, target, ticket ?? 0)) }
}

async function answerTo(redis: Redis, { cluster, application }: Target, ticket: number): Promise<StoredAnswer | undefined> {
  const [text] = await redis.zrangebyscore(receiverKeys.answers(cluster, application), ticket, '+inf', 'LIMIT', 0, 1)
  return text === undefined ? undefined : decodeAnswer(text)
}

/**
 * A run answers all tickets it has seen, with the newest commit. For a delivery whose commit was not that one, the truthful word is
 * superseded: nobody ever applied it. (A tag's `after` may name the tag object, so only branches are compared.)
 */
function tell({ ref, after }: StoredDelivery, ticket: number, answer: StoredAnswer): Omit<DeliveryOutcome, 'application' | 'ticket'> {
  const { revision, outcome, message, finishedAt } = answer
  const other = ref?.startsWith('refs/heads/') && after !== undefined && revision !== undefined && revision !== after
  const revisionOf = revision === undefined ? {} : { revision }
  if (!other || answer.seen <= ticket) return { state: outcome, message, finishedAt, ...revisionOf }
  return { state: 'superseded', message: `superseded by ${revision.slice(0, 12)}: ${message}`, finishedAt, ...revisionOf }
}

/** Why it takes so long, where the newest run that saw the ticket failed or waits. */
async function troubleOf(redis: Redis, { cluster, application }: Target, ticket: number): Promise<{ message?: string }> {
  const [text] = await redis.zrevrange(receiverKeys.history(application), 0, 0)
  const result = text === undefined ? undefined : decodeResult(text)
  return result && result.cluster === cluster && result.seen >= ticket && (result.outcome === 'failed' || result.outcome === 'waiting')
    ? { message: result.message }
    : {}
}
