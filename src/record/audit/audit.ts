import { setTimeout as sleep } from 'node:timers/promises'
import type { AuditEvent, AuditReader, AuditWriter } from '../../model/audit.ts'
import { isJsonObject, type Json, type JsonObject } from '../../model/json.ts'
import type { Log } from '../../model/log.ts'
import type { AuditSource, AuditStore } from './store.ts'

/** Where actions are written down. */
export interface Audit extends AuditReader, AuditWriter {
  /** Each event of a source is written down once. */
  recordFrom(source: AuditSource): Promise<void>
  close(): Promise<void>
}

const FLUSH_MS = 250
const BATCH = 100
/** While Redis is away, or floods come in: so many wait, the rest is counted. */
const MOST_WAITING = 5_000

export function createAudit({
  store,
  mask,
  log,
}: {
  readonly store: AuditStore
  readonly mask: (text: string) => string
  readonly log: Log
}): Audit {
  let waiting: AuditEvent[] = []
  let lost = 0
  const stop = new AbortController()

  const flush = async (): Promise<void> => {
    const batch = waiting.slice(0, BATCH)
    if (batch.length === 0) return
    const told = lost
    const at = batch.at(-1)?.at ?? 0
    const events = told === 0 ? batch : [...batch, { at, actor: 'gitwake', action: 'entries lost', detail: { entries: told } } as const]
    await store.append(events.map((event) => masked(event, mask)))
    waiting = waiting.slice(batch.length)
    lost -= told
  }

  const loop = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await sleep(FLUSH_MS, undefined, { signal: stop.signal }).catch(() => undefined)
      await flush().catch((error: unknown) =>
        log.debug({ problem: String(error), waiting: waiting.length }, 'audit entries wait for Redis'),
      )
    }
  }
  const done = loop()

  return {
    anchor: store.anchor,
    entries: store.entries,
    record: (event) => store.append([masked(event, mask)]),
    note(event) {
      if (waiting.length >= MOST_WAITING) lost += 1
      else waiting.push(event)
    },
    recordFrom: ({ name, events }) =>
      store.appendFrom({ name, events: events.map(({ position, event }) => ({ position, event: masked(event, mask) })) }),
    async close() {
      stop.abort()
      await done
      while (
        waiting.length > 0 &&
        (await flush().then(
          () => true,
          () => false,
        ))
      );
    },
  }
}

function masked(event: AuditEvent, mask: (text: string) => string): AuditEvent {
  return { ...event, actor: mask(event.actor), detail: maskedObject(event.detail, mask) }
}

function maskedObject(value: JsonObject, mask: (text: string) => string): JsonObject {
  return Object.fromEntries(Object.entries(value).flatMap(([key, item]) => (item === undefined ? [] : [[key, maskedValue(item, mask)]])))
}

function maskedValue(value: Json, mask: (text: string) => string): Json {
  if (typeof value === 'string') return mask(value)
  if (isJsonObject(value)) return maskedObject(value, mask)
  return Array.isArray(value) ? value.map((item: Json) => maskedValue(item, mask)) : value
}
