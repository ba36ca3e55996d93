import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../../model/log.ts'
import type { AuditFile } from './file.ts'
import type { AuditStore } from './store.ts'

const EVERY_MS = 500
const PAGE = 200

/** Carries every entry, whoever wrote it, from Redis into the file. */
export function followIntoFile({ store, file, log }: { readonly store: AuditStore; readonly file: AuditFile; readonly log: Log }) {
  const stop = new AbortController()
  let position = file.last()?.seq ?? 0

  const carry = async (): Promise<void> => {
    const head = await store.head()
    // Somebody who did not know of the lost log has begun a new one: all of that is missing here.
    if (head !== undefined && head.seq < position) position = 0
    for (;;) {
      const page = await store.entries(position, PAGE)
      if (page.length === 0) return
      await file.write(page)
      position = page.at(-1)?.seq ?? position
    }
  }

  let told = false
  const tryToCarry = async (): Promise<void> => {
    try {
      await carry()
      told = false
    } catch (error) {
      if (!told) log.error({ err: error }, 'the audit file is behind: it is tried again')
      told = true
    }
  }

  const loop = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await tryToCarry()
      await sleep(EVERY_MS, undefined, { signal: stop.signal }).catch(() => undefined)
    }
  }
  const done = loop()
  return {
    async close(): Promise<void> {
      stop.abort()
      await done
      await tryToCarry()
      await file.close()
    },
  }
}
