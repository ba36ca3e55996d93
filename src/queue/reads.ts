import type { Redis } from '../model/redis.ts'
import { sha256 } from '../model/digest.ts'
import { clusterKeys } from '../model/keys.ts'
import { decodeReadSet, type ReadSet } from '../model/read-set.ts'
import { type Batched, createBatch } from './batch.ts'

/** What an application read at a commit. */
export interface Read {
  readonly revision: string
  readonly set: ReadSet
}

/** More of them cost more to keep than a worker's look at the trees. */
const MOST_PATHS = 2_000
const MOST_QUESTIONS = 64

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

/** Whose read-sets are asked for, and at which commit. */
export interface ReadQuestion {
  readonly revision: string
  readonly applications: readonly string[]
}

/** Asks what applications read at a commit, as far as it is known to hold there. */
export type AskReads = Batched<ReadQuestion, ReadonlyMap<string, Reading>>

/** What is asked in one turn of the event loop shares its questions to Redis. */
export function openReads(redis: Redis, cluster: string): AskReads {
  return createBatch(async (questions) => readAll(redis, cluster, questions), { most: MOST_QUESTIONS, alone: () => false })
}

/** A read-set, with the words that say at which commit it holds: while they stand there, it does. */
export interface Reading {
  readonly at: string
  readonly set: ReadSet
}

async function readAll(
  redis: Redis,
  cluster: string,
  questions: readonly ReadQuestion[],
): Promise<readonly ReadonlyMap<string, Reading>[]> {
  const keys = clusterKeys(cluster)
  const marks = await fieldsOf(
    redis,
    keys.readAt,
    questions.flatMap(({ applications }) => applications),
  )
  const there = questions.map(({ revision, applications }) => applications.filter((name) => marks.get(name)?.startsWith(`${revision} `)))
  const texts = await fieldsOf(redis, keys.reads, there.flat())
  const sets = new Map([...texts].map(([application, text]) => [application, { id: idOf(text), set: decodeReadSet(JSON.parse(text)) }]))
  return questions.map(({ revision }, index) => {
    const readings = (there[index] ?? []).flatMap((application) => {
      const at = marks.get(application) ?? ''
      const { id, set } = sets.get(application) ?? {}
      // Another one may have been published between the two questions.
      return set !== undefined && at === `${revision} ${id}` ? [[application, { at, set }] as const] : []
    })
    return new Map(readings)
  })
}

/** The fields of a hash that are there. */
async function fieldsOf(redis: Redis, key: string, fields: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const names = [...new Set(fields)]
  if (names.length === 0) return new Map()
  const values = await redis.hmget(key, ...names)
  return new Map(names.flatMap((name, index) => (typeof values[index] === 'string' ? [[name, values[index]] as const] : [])))
}

function idOf(text: string): string {
  return sha256(text).slice(0, 16)
}
