import { setImmediate as turn } from 'node:timers/promises'
import { type Response, Router } from 'express'
import type { AuditEntry, AuditReader } from '../model/audit.ts'
import { parseDuration } from '../model/duration.ts'
import { isApplicationName } from './api.ts'
import { refuse } from './refusal.ts'

const PAGE = 200

interface Wanted {
  /** Milliseconds since 1970. */
  readonly since: number
  readonly after: number
  readonly application: string | undefined
}

/**
 * `GET /audit[?since=24h][&after=SEQ][&application=NAME]`: the audit log as JSON lines, oldest first. Unless a part was asked for, the first line
 * may be `{"anchor": {seq, hash}}`: what was cut off, and the chain goes on from. Mounted at `/api`.
 */
export function createAuditExport({ audit, now }: { audit: AuditReader; now: () => number }): Router {
  const router = Router()
  router.get('/audit', async (request, response) => {
    const wanted = decodeWanted(request.query, now())
    if (wanted === undefined) {
      const fix = 'Write since=24h or since=2026-03-04T05:06:07Z, after=NUMBER of an entry, application=NAME.'
      return refuse(request, response, 400, { code: 'bad-audit', message: 'since, after or application cannot be read.', fix })
    }
    // Redis that is away shall be a 503, so it is asked before the answer begins.
    const [anchor, first] = await Promise.all([audit.anchor(), audit.entries(wanted.after, PAGE)])
    response.set('Content-Type', 'application/jsonl; charset=utf-8')
    if (anchor !== undefined && wanted.after <= anchor.seq && wanted.since === 0 && wanted.application === undefined)
      response.write(`${JSON.stringify({ anchor })}\n`)
    for (let page = first; page.length > 0; page = await audit.entries(page.at(-1)?.seq ?? 0, PAGE)) {
      const lines = page.filter((entry) => isWanted(entry, wanted)).map((entry) => `${JSON.stringify(entry)}\n`)
      if (!(await written(response, lines.join('')))) return
    }
    response.end()
  })
  return router
}

function isWanted({ at, application, detail }: AuditEntry, wanted: Wanted): boolean {
  if (at < wanted.since) return false
  if (wanted.application === undefined || application === wanted.application) return true
  // A delivery may be for several.
  const { tickets } = detail
  return Array.isArray(tickets) && tickets.some((ticket: unknown) => Reflect.get(Object(ticket), 'application') === wanted.application)
}

/** Nothing is read ahead of a client that is slow; false once it has left. */
async function written(response: Response, text: string): Promise<boolean> {
  if (text === '' || response.write(text)) await turn()
  else await new Promise<void>((resolve) => response.once('drain', resolve).once('close', resolve))
  return !response.destroyed
}

function decodeWanted(query: Readonly<Record<string, unknown>>, now: number): Wanted | undefined {
  const { since = '1970-01-01', after = '0', application } = query
  if (typeof since !== 'string' || typeof after !== 'string' || !/^\d{1,15}$/.test(after)) return undefined
  if (application !== undefined && !(typeof application === 'string' && isApplicationName(application))) return undefined
  const age = parseDuration(since)
  const from = age === undefined ? (/^\d{4}-\d\d-\d\d/.test(since) ? Date.parse(since) : Number.NaN) : now - age
  return Number.isNaN(from) ? undefined : { since: from, after: Number(after), application }
}
