import type { Redis } from '../model/redis.ts'
import { answersAlso } from '../model/answer.ts'
import type { SyncJob, Trigger } from '../model/job.ts'
import { clusterKeys } from '../model/keys.ts'
import type { SyncResult } from '../model/result.ts'
import { encodeFitting } from './fitting.ts'
import { strongest } from './priority.ts'
import { BEGIN, FINISH } from './scripts/run.ts'
import { runScript } from './scripts/script.ts'
import { piecesOf, statusFields } from './status.ts'

/** A run that was taken: the job, and what the end of the run must give back. */
export interface Run {
  readonly job: SyncJob
  /** Changes when Redis was flushed: the numbers of another life say nothing about this one. */
  readonly seed: string
  /** Failures in a row before this run. */
  readonly attempts: number
}

export type RunEnd = 'answered' | 'failed' | 'superseded' | 'waiting' | 'released'

const OUTCOMES_KEPT = 5_000

/** Takes the job of an application; undefined where nothing is wanted or due. */
export async function beginRun(redis: Redis, cluster: string, application: string): Promise<Run | undefined> {
  const keys = clusterKeys(cluster)
  const reply = await runScript(redis, BEGIN, [keys.application(application), keys.triggers(application)], [keys.prefix, application])
  if (!Array.isArray(reply) || reply[0] !== 'run') return undefined
  const [, seed, seen, attempts, seenBefore, confirmedPlan, departure, broken, ...entries] = reply.map(String)
  const triggers = entries.map(decodeTrigger)
  const fresh = triggers.filter(({ wanted }) => wanted > Number(seenBefore))
  const reasons = (fresh.length > 0 || attempts !== '0' ? fresh : triggers).map(({ trigger }) => trigger.reason)
  return {
    seed: seed ?? '',
    attempts: Number(attempts),
    job: {
      application,
      reason: strongest(reasons) ?? 'retry',
      seen: Number(seen),
      triggers: triggers.map(({ trigger }) => trigger),
      ...(confirmedPlan && { confirmedPlan }),
      ...((departure === 'detach' || departure === 'delete') && { departure }),
      ...(broken === '1' && { afterFailure: true }),
    },
  }
}

/** Records the end of a run and its outcome; `begun` is what it had seen when it began, where it answers more. Resolves with the milliseconds until the retry, 0 for none. */
export async function finishRun(
  redis: Redis,
  cluster: string,
  run: Pick<Run, 'job' | 'seed'> & { readonly begun?: number },
  end: RunEnd,
  delayMs: number,
  result: SyncResult | undefined,
): Promise<number> {
  const { application, seen, confirmedPlan = '', departure = '' } = run.job
  const keys = clusterKeys(cluster)
  const status = result && end !== 'released' ? statusFields(application, piecesOf(result)) : []
  const reply = await runScript(
    redis,
    FINISH,
    [keys.application(application), keys.triggers(application), keys.outcomes, keys.status],
    [
      application,
      run.seed,
      seen,
      end,
      delayMs,
      result ? encodeResult(result) : '',
      OUTCOMES_KEPT,
      confirmedPlan,
      departure,
      run.begun ?? seen,
      result?.outcome === 'failed' ? 1 : '',
      result ? departureAfter(result) : '',
      ...status,
    ],
  )
  return Number(reply)
}

/** A departure that began goes on until nothing is left; one that may not be is forgotten, so that what is configured goes on. */
function departureAfter({ problem }: SyncResult): 'again' | 'over' | '' {
  if (problem?.code === 'still-configured' || problem?.code === 'taken-over') return 'over'
  return problem?.retryable === true ? 'again' : ''
}

/** More requests than that during one run are news, whatever they say. */
const MOST_JUDGED = 20

/** Whether a newer ticket than `seen` was given that brings something new, or Redis was flushed and a ticket given since. */
export async function isSuperseded(
  redis: Redis,
  cluster: string,
  run: Run,
  isNews: (trigger: Trigger) => boolean = () => true,
): Promise<boolean> {
  const newer = await newerThan(redis, cluster, run)
  return newer === 'unknown' || newer.some(({ trigger }) => isNews(trigger))
}

/** The job of a run with the newer tickets that its result answers as well, in their order up to the first that it does not. */
export async function withAnswered(redis: Redis, cluster: string, run: Run, result: SyncResult): Promise<SyncJob> {
  const { job } = run
  const newer = await newerThan(redis, cluster, run)
  const open = newer === 'unknown' ? 0 : newer.findIndex(({ trigger }) => !answersAlso(result, trigger))
  const also = newer === 'unknown' ? [] : newer.slice(0, open === -1 ? undefined : open)
  return { ...job, seen: also.at(-1)?.wanted ?? job.seen, triggers: [...job.triggers, ...also.map(({ trigger }) => trigger)] }
}

interface Numbered {
  readonly wanted: number
  readonly trigger: Trigger
}

/** What was asked for since a run began; `unknown` where that is much, or of another life of Redis. */
async function newerThan(redis: Redis, cluster: string, { job, seed }: Run): Promise<readonly Numbered[] | 'unknown'> {
  const keys = clusterKeys(cluster)
  const [current, want] = await redis.hmget(keys.application(job.application), 'seed', 'want')
  if (typeof want !== 'string') return []
  if (current !== seed) return 'unknown'
  const count = Number(want) - job.seen
  if (count <= 0) return []
  if (count > MOST_JUDGED) return 'unknown'
  const entries = (await redis.lrange(keys.triggers(job.application), -count, -1)).map(decodeTrigger)
  const newer = entries.filter(({ wanted }) => wanted > job.seen)
  return newer.length < count ? 'unknown' : newer
}

function encodeResult(result: SyncResult): string {
  return encodeFitting(result, (cut) => ({
    ...cut,
    health: { ...cut.health, objects: cut.health.objects.filter(({ status }) => status !== 'current').slice(0, 100) },
  }))
}

/** Written by intake only; a job queue that others can write to is still no source of truth (the trigger is told, never obeyed). */
function decodeTrigger(entry: string): Numbered {
  const space = entry.indexOf(' ')
  return {
    wanted: Number(entry.slice(0, space)),
    trigger: JSON.parse(entry.slice(space + 1)) as Trigger,
  }
}
