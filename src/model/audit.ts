import { sha256 } from './digest.ts'
import { canonicalJson, isJsonObject, parseJson, type JsonObject } from './json.ts'

/** What somebody or something did. */
export type AuditAction =
  /** A delivery was accepted; where nothing follows what it announced, its detail says so. */
  | 'delivery'
  | 'sync asked'
  | 'plan confirmed'
  /** An application was to leave a cluster. */
  | 'departure asked'
  | 'suspended'
  | 'resumed'
  | 'rolled back'
  /** A rollback was ended by hand. */
  | 'unpinned'
  /** A sync ended, in whatever way. */
  | 'sync'
  | 'configuration accepted'
  | 'configuration refused'
  | 'queue operated'
  | 'logged in'
  /** Somebody whom a provider or a token did not open anything for. */
  | 'login refused'
  | 'logged out'
  /** So many entries could not be written down. */
  | 'entries lost'
  /** The first entry, or the first after the log of before was lost. */
  | 'chain started'

/** One action, to be written down. Secrets in it are masked by whoever writes it. */
export interface AuditEvent {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Who or what: a person, `github`, the worker of a cluster. */
  readonly actor: string
  readonly action: AuditAction
  readonly application?: string
  readonly cluster?: string
  readonly revision?: string
  readonly detail: JsonObject
}

/** An entry of the log: each names the hash of the one before, so that none can be altered, added or taken away between others. */
export interface AuditEntry extends AuditEvent {
  readonly seq: number
  readonly prevHash: string
  /** sha256 of the canonical JSON (keys sorted) of everything else in the entry, as hex. */
  readonly hash: string
}

/** The newest entry that somebody knows of. */
export interface AuditHead {
  readonly seq: number
  readonly hash: string
}

/** Reads the log, oldest first. Throws GitwakeError `redis-unavailable`. */
export interface AuditReader {
  /** The newest of the entries that retention has cut off; the chain goes on from it. */
  anchor(): Promise<AuditHead | undefined>
  /** Entries after `seq`, so many at most. */
  entries(seq: number, most: number): Promise<readonly AuditEntry[]>
}

/** Writes the log. */
export interface AuditWriter {
  /** Resolves once it is written down; rejects with `redis-unavailable`. */
  record(event: AuditEvent): Promise<void>
  /** Writes it down within a second, together with others: for what comes in crowds and is on record elsewhere. Never throws. */
  note(event: AuditEvent): void
}

export const NO_HASH = '0'.repeat(64)

export function link(event: AuditEvent, { seq, hash }: AuditHead): AuditEntry {
  const entry = { ...event, seq: seq + 1, prevHash: hash }
  return { ...entry, hash: hashOf(entry) }
}

/** What a line of the log says; undefined where it is no entry. */
export function decodeEntry(line: string): AuditEntry | undefined {
  try {
    const value = parseJson(line)
    const { seq, prevHash, hash, at, action } = isJsonObject(value) ? value : {}
    const isEntry = typeof seq === 'number' && typeof prevHash === 'string' && typeof hash === 'string' && typeof at === 'number'
    return isEntry && typeof action === 'string' ? (value as unknown as AuditEntry) : undefined
  } catch {
    return undefined
  }
}

/** What a check of entries, one after another, has found so far. */
export interface Verdict {
  readonly entries: number
  readonly first?: AuditHead
  readonly last?: AuditHead
  /** Sentences: where the log itself says that entries were lost. */
  readonly gaps: readonly string[]
  /** The first entry that does not follow, and why. */
  readonly broken?: string
}

/** Takes the next entry of a log into the verdict. `anchor` is what the first entry must follow, where that is known. */
export function check(verdict: Verdict, entry: AuditEntry, anchor?: AuditHead): Verdict {
  if (verdict.broken !== undefined) return verdict
  const { hash, ...rest } = entry
  const before = verdict.last ?? anchor
  const own = { seq: entry.seq, hash }
  const next = { ...verdict, entries: verdict.entries + 1, first: verdict.first ?? own, last: own }
  if (hashOf(rest) !== hash) return { ...verdict, broken: `entry ${entry.seq} was altered: its hash is not that of what it says` }
  if (before === undefined || (entry.prevHash === before.hash && entry.seq === before.seq + 1)) return next
  const place = `entry ${entry.seq} does not follow entry ${before.seq}`
  if (entry.action !== 'chain started') return { ...verdict, broken: `${place}: something between them was removed, added or altered` }
  return { ...next, gaps: [...verdict.gaps, `${place}: the log was lost there, and began anew`] }
}

function hashOf(entry: Omit<AuditEntry, 'hash'>): string {
  return sha256(canonicalJson({ ...entry }))
}
