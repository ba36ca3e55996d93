import type { Orphan } from '../model/departure.ts'
import type { StoredDelivery } from '../model/intake.ts'
import type { Change } from '../model/plan.ts'
import type { ApplicationStatus, PollFails, SyncResult, WaitsFor } from '../model/result.ts'
import { decodeStanding, type Standing } from '../model/standing.ts'

/** What comes back from Redis was written by gitwake, perhaps by another version of it: what cannot be read is left out, never guessed. */
export function decodeResult(text: string): SyncResult | undefined {
  const value = parse(text)
  if (!isRecord(value) || value['schema'] !== 1) return undefined
  const { application, cluster, seen, outcome, changes, finishedAt, health } = value
  const isResult =
    typeof application === 'string' &&
    typeof cluster === 'string' &&
    typeof seen === 'number' &&
    typeof outcome === 'string' &&
    Array.isArray(changes) &&
    typeof finishedAt === 'number' &&
    isRecord(health)
  return isResult ? (value as unknown as SyncResult) : undefined
}

export function decodeOrphan(text: string): Orphan | undefined {
  const value = parse(text)
  if (!isRecord(value)) return undefined
  const { application, cluster, objects, since } = value
  const isOrphan =
    typeof application === 'string' && typeof cluster === 'string' && typeof objects === 'number' && typeof since === 'number'
  return isOrphan ? (value as unknown as Orphan) : undefined
}

/** The answer to every ticket up to `seen`, without the changes: those stand in the history. */
export interface StoredAnswer {
  readonly seen: number
  readonly cluster: string
  readonly outcome: SyncResult['outcome']
  readonly code?: string
  readonly revision?: string
  readonly message: string
  readonly finishedAt: number
}

export function answerFrom(result: SyncResult): StoredAnswer {
  const { seen, cluster, outcome, revision, message, finishedAt, problem } = result
  return {
    seen,
    cluster,
    outcome,
    message,
    finishedAt,
    ...(revision !== undefined && { revision }),
    ...(problem && { code: problem.code }),
  }
}

export function decodeAnswer(text: string): StoredAnswer | undefined {
  const value = parse(text)
  return isRecord(value) && typeof value['outcome'] === 'string' ? (value as unknown as StoredAnswer) : undefined
}

export function decodeDelivery(text: string): StoredDelivery | undefined {
  const value = parse(text)
  return isRecord(value) && Array.isArray(value['targets']) ? (value as unknown as StoredDelivery) : undefined
}

/** The pieces of a status that workers publish, each under `<application>/<piece>`. */
export interface StoredPieces {
  readonly head?: ApplicationStatus['head']
  readonly applied?: ApplicationStatus['applied']
  readonly health?: ApplicationStatus['health']
  readonly unhealthy?: ApplicationStatus['unhealthy']
  readonly drift?: readonly Change[]
  readonly waiting?: WaitsFor | null
  readonly pollFails?: PollFails | null
  /** What people have said of it until further notice. */
  readonly standing: Standing
}

export function decodePieces(fields: Readonly<Record<string, string>>, application: string): StoredPieces {
  const pieces: Record<string, unknown> = {}
  for (const piece of ['head', 'applied', 'health', 'unhealthy', 'drift', 'waiting', 'pollFails'] as const) {
    const value = parse(fields[`${application}/${piece}`] ?? '')
    if (value !== undefined) pieces[piece] = value
  }
  const standing = decodeStanding({
    suspension: parse(fields[`${application}/suspension`] ?? ''),
    pin: parse(fields[`${application}/pin`] ?? ''),
  })
  return { ...pieces, standing } as StoredPieces
}

/** What was asked for and has no answer yet, as the queue writes it down: `<wanted> <trigger as JSON>`. */
export interface Announced {
  readonly wanted: number
  readonly at: number
  /** The commit that the trigger named, if any. */
  readonly revision?: string
}

export function decodeAnnounced(entry: string): Announced | undefined {
  const space = entry.indexOf(' ')
  const [wanted, trigger] = [Number(entry.slice(0, space)), parse(entry.slice(space + 1))]
  if (!isRecord(trigger) || typeof trigger['at'] !== 'number' || !Number.isSafeInteger(wanted)) return undefined
  const { at, revision } = trigger
  return { wanted, at, ...(typeof revision === 'string' && { revision }) }
}

export function parse(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
