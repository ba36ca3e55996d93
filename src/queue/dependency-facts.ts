import type { Redis } from '../model/redis.ts'
import { isJsonObject, type Json } from '../model/json.ts'
import { clusterKeys } from '../model/keys.ts'
import type { WaitsFor } from '../model/result.ts'
import type { DependencyFacts } from '../plan/dependencies.ts'
import { healthFrom } from './last-known.ts'

/** Reads what is known of an application, perhaps one of another cluster. Throws where that may not be read. */
export async function readDependencyFacts(redis: Redis, cluster: string, application: string): Promise<DependencyFacts> {
  const keys = clusterKeys(cluster)
  const pieces = ['head', 'applied', 'health', 'waiting'].map((piece) => `${application}/${piece}`)
  const [[want, done, failed], [head, applied, health, waiting]] = await Promise.all([
    redis.hmget(keys.application(application), 'want', 'done', 'failed'),
    redis.hmget(keys.status, ...pieces),
  ])
  return {
    want: Number(want ?? 0),
    done: Number(done ?? 0),
    failed: Number(failed ?? 0),
    head: revisionIn(head),
    applied: revisionIn(applied),
    health: healthFrom(health),
    waiting: waitingIn(waiting),
  }
}

/** What an application waits for, as it was published last. */
export async function readWaiting(redis: Redis, cluster: string, application: string): Promise<WaitsFor | undefined> {
  return waitingIn(await redis.hget(clusterKeys(cluster).status, `${application}/waiting`))
}

function parse(text: string | null | undefined): Json {
  try {
    return JSON.parse(text ?? 'null') as Json
  } catch {
    return null // Written by another version: as if it were not there.
  }
}

function revisionIn(text: string | null | undefined): string | undefined {
  const value = parse(text)
  return isJsonObject(value) && typeof value.revision === 'string' ? value.revision : undefined
}

function waitingIn(text: string | null | undefined): WaitsFor | undefined {
  const value = parse(text)
  if (!isJsonObject(value) || (value.for !== 'window' && value.for !== 'dependencies') || typeof value.why !== 'string') return undefined
  return value as unknown as WaitsFor
}
