import { createHash } from 'node:crypto'
import type { AuditSpan } from '../model/job.ts'
import type { ObjectKey } from '../model/object.ts'

/** Dry-runs of one turn: an application with more objects takes several turns per interval, so that no moment has many. */
const MOST_PER_TURN = 50

/**
 * The objects of an application whose turn came in a span of time. Turns are spread evenly, by hash: applications over the interval, and the
 * objects of a large one over its own turns. Pure: sweep and sync come to the same answer without telling each other.
 */
export function dueForAudit(application: string, keys: Iterable<ObjectKey>, { from, to, intervalMs }: AuditSpan): ReadonlySet<ObjectKey> {
  const all = [...keys]
  if (intervalMs <= 0 || to <= from) return new Set()
  const turns = Math.ceil(all.length / MOST_PER_TURN)
  const first = fraction(application)
  const come = new Set(Array.from({ length: turns }, (_, turn) => turn).filter(hasCome))
  // Nearly every sweep: no turn has come, and no key is looked at.
  return come.size === 0 ? new Set() : new Set(all.filter((key) => come.has(Math.floor(fraction(key) * turns))))

  function hasCome(turn: number): boolean {
    const offsetMs = (first + turn / turns) * intervalMs
    return Math.floor((to - offsetMs) / intervalMs) > Math.floor((from - offsetMs) / intervalMs)
  }
}

/** A number in [0, 1), evenly spread. */
function fraction(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32
}
