import type { Redis } from '../../model/redis.ts'
import { decodeEntry, link, NO_HASH, type AuditEntry, type AuditEvent, type AuditHead, type AuditReader } from '../../model/audit.ts'
import { receiverKeys } from '../../model/keys.ts'
import { reachable } from '../reachable.ts'
import { APPEND } from './script.ts'

/** How much of the log Redis keeps; 0 keeps it whatever its age. */
export interface AuditRetention {
  readonly ageMs: number
  readonly bytes: number
}

/** Events of one numbered source (the outcomes of a cluster): each is appended once, whoever reads them and however often. */
export interface AuditSource {
  readonly name: string
  readonly events: readonly { readonly position: string; readonly event: AuditEvent }[]
}

/** The log in Redis. One that was lost goes on from the newest entry that this process knows, and says so. */
export interface AuditStore extends AuditReader {
  append(events: readonly AuditEvent[]): Promise<void>
  appendFrom(source: AuditSource): Promise<void>
  /** The newest entry in Redis. */
  head(): Promise<AuditHead | undefined>
}

/** Others append too; so often in a row is no coincidence. */
const TRIES = 50

export function createAuditStore(options: {
  readonly redis: Redis
  readonly retention: AuditRetention
  readonly now: () => number
  /** The newest entry that is known from elsewhere (a file), where Redis may have lost it. */
  readonly known: () => AuditHead | undefined
}): AuditStore {
  const { redis, retention, now } = options
  let own: AuditHead | undefined
  let queue: Promise<unknown> = Promise.resolve()

  const known = (): AuditHead | undefined => {
    const other = options.known()
    return other === undefined || (own !== undefined && own.seq >= other.seq) ? own : other
  }

  const attempt = async (pick: (position: string) => readonly AuditEvent[], name: string, position: string): Promise<boolean> => {
    const [seq, hash, before] = await redis.hmget(receiverKeys.auditHead, 'seq', 'hash', `source ${name}`)
    const events = pick(before ?? '')
    if (events.length === 0) return true
    const head = seq === null || seq === undefined ? undefined : { seq: Number(seq), hash: hash ?? '' }
    const entries = chain(events, head, known(), now())
    const rows = entries.flatMap((entry) => [entry.seq, entry.hash, entry.at, JSON.stringify(entry)])
    const oldest = retention.ageMs > 0 ? now() - retention.ageMs : 0
    const keys = [receiverKeys.audit, receiverKeys.auditHead]
    const about = [head?.seq ?? '', head?.hash ?? '', name, position, oldest, retention.bytes]
    if ((await redis.eval(APPEND, keys.length, ...keys, ...about, ...rows)) !== 1) return false
    const last = entries.at(-1)
    if (last) own = { seq: last.seq, hash: last.hash }
    return true
  }

  /** One after another in this process; between processes, whoever comes second tries again. */
  const append = (pick: (position: string) => readonly AuditEvent[], name = '', position = ''): Promise<void> => {
    const turn = queue.then(async () => {
      for (let tries = 0; tries < TRIES; tries += 1) if (await attempt(pick, name, position)) return
      throw new Error(`the audit log moved ${TRIES} times while entries were appended`)
    })
    queue = turn.catch(() => undefined)
    return reachable(turn)
  }

  const headAt = async (...fields: readonly [string, string]): Promise<AuditHead | undefined> => {
    const [seq, hash] = await reachable(redis.hmget(receiverKeys.auditHead, ...fields))
    return typeof seq === 'string' && typeof hash === 'string' ? { seq: Number(seq), hash } : undefined
  }

  return {
    append: (events) => append(() => events),
    appendFrom: ({ name, events }) =>
      append(
        (before) => events.flatMap(({ position, event }) => (isAfter(position, before) ? [event] : [])),
        name,
        events.at(-1)?.position,
      ),
    head: () => headAt('seq', 'hash'),
    anchor: () => headAt('cut', 'cutHash'),
    async entries(seq, most) {
      const found = await reachable(redis.xrange(receiverKeys.audit, `${seq + 1}-0`, '+', 'COUNT', most))
      return found.flatMap(([, fields]) => decodeEntry(fields[5] ?? '') ?? [])
    },
  }
}

/** The entries of these events. Where the head is not the one that is known, the first of them tells how that came. */
function chain(
  events: readonly AuditEvent[],
  head: AuditHead | undefined,
  known: AuditHead | undefined,
  at: number,
): readonly AuditEntry[] {
  const isLost = head === undefined || (known !== undefined && known.seq > head.seq)
  const began = { at, actor: 'gitwake', action: 'chain started', detail: { because: whyStarted(head, known) } } as const
  let last = (isLost ? known : head) ?? { seq: 0, hash: NO_HASH }
  return [...(isLost ? [began] : []), ...events].map((event) => {
    const entry = link(event, last)
    last = entry
    return entry
  })
}

function whyStarted(head: AuditHead | undefined, known: AuditHead | undefined): string {
  if (known === undefined) return 'no earlier entry is known: a first start, or Redis has lost the log'
  if (head === undefined) return `Redis has lost the log; entry ${known.seq} is the newest that is known`
  return `Redis has lost the entries ${head.seq + 1} to ${known.seq}`
}

/** Positions are those of a stream: `<ms>-<count>`. */
function isAfter(position: string, before: string): boolean {
  const [ms = 0, count = 0] = position.split('-').map(Number)
  const [msBefore = -1, countBefore = 0] = before === '' ? [] : before.split('-').map(Number)
  return ms > msBefore || (ms === msBefore && count > countBefore)
}
