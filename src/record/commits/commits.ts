import type { ChainableCommander } from 'ioredis'
import type { Redis } from '../../model/redis.ts'
import type { CommitReport } from '../../model/commit.ts'
import type { Configuration } from '../../model/configuration.ts'
import { clusterKeys, receiverKeys } from '../../model/keys.ts'
import type { ApplicationStatus, SyncResult } from '../../model/result.ts'
import { decodeAnnounced, type Announced } from '../decode.ts'
import { INDEX_COMMIT } from './index-script.ts'
import { decodeNote, isRevision, noteOf, passedOver, settles } from './note.ts'
import { placeOf, type PlaceFacts } from './place.ts'

const MOST_COMMITS = 5_000
/** Enough to see that a prefix is ambiguous, and of what. */
const MOST_MATCHES = 10

/** Adds what a result says about its commit to a pipeline; saying it twice changes nothing. */
export function indexCommit(writes: ChainableCommander, result: SyncResult, ageMs: number): void {
  const { revision, cluster, application, finishedAt, outcome } = result
  if (revision === undefined || !isRevision(revision)) return
  const keys = [receiverKeys.commits, receiverKeys.commitOrder, receiverKeys.carried]
  const about = [`${cluster}/${application}`, finishedAt, revision, settles(outcome) ? 1 : 0, JSON.stringify(noteOf(result))]
  writes.eval(INDEX_COMMIT, keys.length, ...keys, receiverKeys.commit(''), ageMs, MOST_COMMITS, ...about, ...passedOver(result))
}

/** Everything that is asked of Redis about commits, besides their statuses. */
interface Questions {
  readonly redis: Redis
  readonly configuration: Configuration
  readonly statuses: readonly ApplicationStatus[]
}

/** The full names of the commits that begin with these digits: recorded, announced, or seen in a branch or a cluster. */
export async function findCommits(digits: string, { redis, configuration, statuses }: Questions): Promise<readonly string[]> {
  const [recorded, announced] = await Promise.all([
    redis.zrangebylex(receiverKeys.commits, `[${digits}`, `[${digits}~`, 'LIMIT', 0, MOST_MATCHES),
    announcedIn(redis, configuration),
  ])
  const told = [...announced.values()].flat().flatMap(({ revision }) => revision ?? [])
  const seen = statuses.flatMap(({ head, applied }) => [head?.revision ?? '', applied?.revision ?? ''])
  const found = [...recorded, ...told, ...seen].filter((name) => name.startsWith(digits) && isRevision(name))
  return [...new Set(found)].toSorted().slice(0, MOST_MATCHES)
}

/** What has become of a commit, in every application of the repositories that know it. */
export async function reportCommit(revision: string, { redis, configuration, statuses }: Questions): Promise<CommitReport> {
  const [fields, announced] = await Promise.all([redis.hgetall(receiverKeys.commit(revision)), announcedIn(redis, configuration)])
  const facts = statuses.map((status) => factsOf(revision, status, fields, announced.get(status.application) ?? []))
  const repositories = [...new Set(facts.filter(isKnown).map(({ status }) => status.repository))]
  const concerned = facts.filter(({ status }) => repositories.includes(status.repository))
  return { revision, repositories, applications: concerned.map(placeOf) }
}

function factsOf(
  revision: string,
  status: ApplicationStatus,
  fields: Readonly<Record<string, string>>,
  announced: readonly Announced[],
): PlaceFacts {
  const place = `${status.cluster}/${status.application}`
  const [last, first] = ['last', 'first'].map((which) => decodeNote(afterTime(fields[`${place}/${which}`])))
  const [at, by] = (fields[`${place}/superseded`] ?? '').split(' ')
  const open = announced.filter(({ wanted, revision: named }) => wanted > status.done && named !== undefined)
  const mine = open.findLast((one) => one.revision === revision)
  return {
    revision,
    status,
    ...(last && { last }),
    ...(first && { first }),
    ...(by !== undefined && { superseded: { at: Number(at), by } }),
    ...(mine && { announced: { ticket: mine.wanted, at: mine.at, isNewest: open.at(-1)?.revision === revision } }),
  }
}

function isKnown({ revision, status, last, superseded, announced }: PlaceFacts): boolean {
  const isSeen = status.head?.revision === revision || status.applied?.revision === revision
  return isSeen || last !== undefined || superseded !== undefined || announced !== undefined
}

/** What was asked for and has no answer yet, per application, oldest first. */
async function announcedIn(redis: Redis, { applications }: Configuration): Promise<ReadonlyMap<string, readonly Announced[]>> {
  const asked = [...applications.values()].map(async ({ name, destination }) => {
    const entries = await redis.lrange(clusterKeys(destination.cluster).triggers(name), 0, -1)
    return [name, entries.flatMap((entry) => decodeAnnounced(entry) ?? [])] as const
  })
  return new Map(await Promise.all(asked))
}

/** Every field begins with the time of the result that it is from. */
function afterTime(text: string | undefined): string {
  return text === undefined ? '' : text.slice(text.indexOf(' ') + 1)
}
