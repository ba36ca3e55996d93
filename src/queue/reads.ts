import type { Redis } from '../model/redis.ts'
import { sha256 } from '../model/digest.ts'
import { clusterKeys } from '../model/keys.ts'
import { decodeReadSet, type ReadSet } from '../model/read-set.ts'

/** What an application read at a commit. */
export interface Read {
  readonly revision: string
  readonly set: ReadSet
}

/** More of them cost more to keep than a worker's look at the trees. */
const MOST_PATHS = 2_000

/**
 * Publishes what the render of an application read, once its cluster carries that commit; undefined takes back what was said before. To be
 * written down before the run's end: until then its ticket is open, and nothing is concluded from it.
 */
export async function publishRead(redis: Redis, cluster: string, application: string, read: Read | undefined): Promise<void> {
  const { reads, readAt } = clusterKeys(cluster)
  if (read === undefined || read.set.paths.length > MOST_PATHS) return void (await redis.hdel(readAt, application))
  const text = JSON.stringify(read.set)
  await redis
    .multi()
    .hset(reads, application, text)
    .hset(readAt, application, `${read.revision} ${idOf(text)}`)
    .exec()
}

/** What these applications read at one commit, as far as it is known to hold there. */
export async function readAt(
  redis: Redis,
  cluster: string,
  revision: string,
  applications: readonly string[],
): Promise<ReadonlyMap<string, Reading>> {
  const keys = clusterKeys(cluster)
  const there = await pick(redis, keys.readAt, applications, (at) => at.startsWith(`${revision} `))
  const sets = await pick(redis, keys.reads, [...there.keys()], () => true)
  return new Map(
    [...there].flatMap(([application, at]) => {
      const text = sets.get(application) ?? ''
      // Another one may have been published between the two questions.
      const set = at === `${revision} ${idOf(text)}` ? decodeReadSet(JSON.parse(text)) : undefined
      return set === undefined ? [] : [[application, { at, set }] as const]
    }),
  )
}

/** A read-set, with the words that say at which commit it holds: while they stand there, it does. */
export interface Reading {
  readonly at: string
  readonly set: ReadSet
}

async function pick(
  redis: Redis,
  key: string,
  fields: readonly string[],
  isWanted: (value: string) => boolean,
): Promise<ReadonlyMap<string, string>> {
  if (fields.length === 0) return new Map()
  const values = await redis.hmget(key, ...fields)
  return new Map(fields.flatMap((field, index) => (isWantedText(values[index], isWanted) ? [[field, values[index]] as const] : [])))
}

function isWantedText(value: string | null | undefined, isWanted: (value: string) => boolean): value is string {
  return typeof value === 'string' && isWanted(value)
}

function idOf(text: string): string {
  return sha256(text).slice(0, 16)
}
