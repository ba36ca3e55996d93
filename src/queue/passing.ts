import type { Redis } from '../model/redis.ts'
import type { Configuration } from '../model/configuration.ts'
import type { Target } from '../model/intake.ts'
import type { Trigger } from '../model/job.ts'
import { clusterKeys } from '../model/keys.ts'
import type { Delivery, Push } from '../model/push.ts'
import { changedPathsOf, isReadFor, nothingChanged, touches } from '../model/read-set.ts'
import type { SyncResult } from '../model/result.ts'
import { healthFrom } from './last-known.ts'
import type { AskReads } from './reads.ts'

/** An application that a push touches nothing of: what must still stand when that is written down, and what is written down then. */
export interface Passing {
  readonly readAt: string
  readonly result: Omit<SyncResult, 'seen' | 'startedAt' | 'finishedAt'>
}

/** A move of a branch from one commit to a descendant. */
export interface Move {
  readonly ref: string
  readonly before: string
  readonly after: string
  readonly changedPaths: readonly string[]
}

/** Polls prove by the trees what was concluded from a list; where they are rare, nothing is concluded. */
const POLLED_WITHIN_MS = 300_000

/**
 * The move that a delivery tells of, where it names every path that it changes: neither forced nor the branch's beginning or end, and the only one of its
 * delivery (the trigger then names its commit).
 */
export function moveOf({ event }: Delivery, { revision }: Trigger): Move | undefined {
  if (event.kind !== 'push' || event.forced || event.created || event.deleted || !event.ref.startsWith('refs/heads/')) return undefined
  const { ref, before, after, changedPaths }: Push = event
  if (before === undefined || after === undefined || after !== revision || changedPaths === undefined) return undefined
  return { ref, before, after, changedPaths }
}

/** Those of a cluster's targets whose last render, at the commit before, read nothing of what has changed. */
export async function findPassing(
  { redis, askReads }: { readonly redis: Redis; readonly askReads: AskReads },
  configuration: Configuration,
  cluster: string,
  targets: readonly Target[],
  move: Move,
  trigger: Trigger,
): Promise<ReadonlyMap<string, Passing>> {
  const { applications, repositories } = configuration
  const known = targets.flatMap(({ application, repository }) => {
    const isPolled = (repositories.get(repository)?.pollIntervalMs ?? Infinity) <= POLLED_WITHIN_MS
    return isPolled ? (applications.get(application) ?? []) : []
  })
  const following = known.filter(({ source }) => source.ref === move.ref).map(({ name }) => name)
  if (following.length === 0) return new Map()
  const read = await askReads({ revision: move.before, applications: following })
  const changed = changedPathsOf(move.changedPaths)
  const untouched = known.flatMap((application) => {
    const reading = read.get(application.name)
    return reading !== undefined && isReadFor(reading.set, application) && !touches(changed, reading.set)
      ? [{ ...application, ...reading }]
      : []
  })
  if (untouched.length === 0) return new Map()
  const healths = await redis.hmget(clusterKeys(cluster).status, ...untouched.map(({ name }) => `${name}/health`))
  return new Map(
    untouched.map(({ name, at }, index) => {
      const result: Passing['result'] = {
        schema: 1,
        application: name,
        cluster,
        reason: 'push',
        triggers: [trigger],
        revision: move.after,
        rendered: undefined,
        outcome: 'not affected',
        message: nothingChanged(name),
        changes: [],
        counts: {},
        warnings: [],
        health: { status: healthFrom(healths[index]), objects: [] },
        timings: {},
      }
      return [name, { readAt: at, result }]
    }),
  )
}
