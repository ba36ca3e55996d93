import { createReadStream } from 'node:fs'
import { check, decodeEntry, type AuditHead, type Verdict } from '../model/audit.ts'
import { GitwakeError } from '../model/error.ts'
import { isJsonObject, parseJson } from '../model/json.ts'
import { linesOf, type Client } from './client.ts'
import { plain } from './table.ts'
import type { Terminal } from './terminal.ts'

/** `gitwake audit`: prints the log, or checks its chain: 0 where it holds, 1 where something was altered, added or removed. */
export async function audit(
  client: () => Promise<Client>,
  terminal: Terminal,
  options: { readonly since?: string; readonly application?: string; readonly verify?: boolean; readonly file?: string },
  signal: AbortSignal,
): Promise<number> {
  const { since, application, verify = false, file } = options
  const query = new URLSearchParams({ ...(since !== undefined && { since }), ...(application !== undefined && { application }) })
  const lines = file === undefined ? (await client()).lines(`/api/audit?${query}`, signal) : readFile(file)
  if (verify) return tell(terminal, await verified(lines))
  for await (const line of lines) terminal.out(`${plain(line)}\n`)
  return 0
}

async function verified(lines: AsyncIterable<string>): Promise<Verdict> {
  let verdict: Verdict = { entries: 0, gaps: [] }
  let anchor: AuditHead | undefined
  let number = 0
  for await (const line of lines) {
    number += 1
    if (number === 1 && (anchor = anchorOf(line)) !== undefined) continue
    const entry = decodeEntry(line)
    if (entry === undefined) return { ...verdict, broken: `line ${number} is no entry` }
    verdict = check(verdict, entry, anchor)
    if (verdict.broken !== undefined) return verdict
  }
  return verdict
}

function tell(terminal: Terminal, { entries, first, last, gaps, broken }: Verdict): number {
  for (const gap of gaps) terminal.err(`gap: ${plain(gap)}\n`)
  if (broken !== undefined) {
    terminal.err(`broken: ${plain(broken)}\n`)
    return 1
  }
  const range = first === undefined || last === undefined ? '' : `, ${first.seq} to ${last.seq}; the newest hash is ${plain(last.hash)}`
  terminal.out(`${entries} entries${range}\n`)
  return 0
}

function anchorOf(line: string): AuditHead | undefined {
  try {
    const value = parseJson(line)
    const anchor = isJsonObject(value) ? value['anchor'] : undefined
    const { seq, hash } = isJsonObject(anchor) ? anchor : {}
    return typeof seq === 'number' && typeof hash === 'string' ? { seq, hash } : undefined
  } catch {
    return undefined
  }
}

async function* readFile(path: string): AsyncIterable<string> {
  try {
    yield* linesOf(createReadStream(path))
  } catch (error) {
    throw new GitwakeError('file-unreadable', `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      fix: 'Name a file of the audit log.',
      cause: error,
    })
  }
}
