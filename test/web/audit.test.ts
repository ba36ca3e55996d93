import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import request from 'supertest'
import { runCli } from '../../src/cli.ts'
import { link, NO_HASH, type AuditEntry, type AuditReader } from '../../src/model/audit.ts'
import { GitwakeError } from '../../src/model/error.ts'
import { BEARER, startWeb, TOKEN } from './start.ts'

const NOW = Date.parse('2026-03-04T12:00:00Z')

/** Entry `seq` is so many hours old that the newest is of now; odd ones are about `shop-prod`, the fourth is a delivery for it. */
function logOf(length: number): readonly AuditEntry[] {
  const entries: AuditEntry[] = []
  for (let seq = 1; seq <= length; seq += 1) {
    const at = NOW - (length - seq) * 3_600_000
    const about = seq % 2 === 1 ? { application: 'shop-prod' } : {}
    const detail = seq === 4 ? { tickets: [{ application: 'shop-prod', wanted: 1 }] } : {}
    entries.push(link({ at, actor: 'ada\u001b[31m', action: 'sync asked', ...about, detail }, entries.at(-1) ?? { seq: 0, hash: NO_HASH }))
  }
  return entries
}

function readerOf(entries: readonly AuditEntry[], cut = 0): AuditReader {
  const kept = entries.slice(cut)
  const last = entries[cut - 1]
  return {
    anchor: async () => last && { seq: last.seq, hash: last.hash },
    entries: async (seq, most) => kept.filter((entry) => entry.seq > seq).slice(0, most),
  }
}

const seqs = (text: string): readonly (number | string)[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .map(({ seq, anchor }) => seq ?? `anchor ${anchor.seq}`)

test('the log is told whole, or the part that was asked for', async (t) => {
  const { url } = await startWeb(t, { audit: readerOf(logOf(6), 1), now: () => NOW })
  const get = async (query: string) =>
    seqs(
      (
        await request(url)
          .get(`/api/audit${query}`)
          .set(BEARER)
          .expect(200)
          .expect('Content-Type', /^application\/jsonl/)
      ).text,
    )
  assert.deepEqual(await get(''), ['anchor 1', 2, 3, 4, 5, 6])
  assert.deepEqual(await get('?after=4'), [5, 6])
  assert.deepEqual(await get('?since=90m'), [5, 6])
  assert.deepEqual(await get('?since=2026-03-04T09:00:00Z'), [3, 4, 5, 6])
  assert.deepEqual(await get('?application=shop-prod'), [3, 4, 5])
  for (const query of ['since=yesterday', 'since=', 'after=-1', 'after=x', 'application=A', 'application=a&application=b'])
    assert.equal((await request(url).get(`/api/audit?${query}`).set(BEARER)).status, 400, query)
})

test('a log of many pages comes whole', async (t) => {
  const { url } = await startWeb(t, { audit: readerOf(logOf(1_234)) })
  assert.equal(seqs((await request(url).get('/api/audit').set(BEARER)).text).length, 1_234)
})

test('without Redis there is no log, and no half of one', async (t) => {
  const away = () => Promise.reject(new GitwakeError('redis-unavailable', 'Redis is away.', { fix: 'x', retryable: true }))
  const { url } = await startWeb(t, { audit: { anchor: away, entries: away } })
  assert.equal((await request(url).get('/api/audit').set(BEARER)).status, 503)
})

async function gitwake(url: string, ...parameters: readonly string[]) {
  const ran = { out: '', err: '' }
  const terminal = { out: (text: string) => void (ran.out += text), err: (text: string) => void (ran.err += text), colour: false }
  const never = () => Promise.resolve(9)
  const environment = { GITWAKE_URL: url, GITWAKE_API_TOKEN: TOKEN }
  const code = await runCli({ parameters, environment, terminal, roles: { start: never, serve: never, work: never } })
  return { code, ...ran }
}

test('gitwake audit prints the log, and --verify says whether it holds', async (t) => {
  const log = logOf(300)
  const { url } = await startWeb(t, { audit: readerOf(log, 2), now: () => NOW })
  const whole = await gitwake(url, 'audit', '--since', '1h')
  assert.deepEqual([whole.code, seqs(whole.out), whole.out.includes('\u001b')], [0, [299, 300], false])
  assert.deepEqual(await gitwake(url, 'audit', '--verify'), {
    code: 0,
    out: `298 entries, 3 to 300; the newest hash is ${log.at(-1)?.hash}\n`,
    err: '',
  })

  const forged = log.map((entry) => (entry.seq === 42 ? { ...entry, actor: 'eve' } : entry))
  const other = await startWeb(t, { audit: readerOf(forged) })
  assert.deepEqual(await gitwake(other.url, 'audit', '--verify'), {
    code: 1,
    out: '',
    err: 'broken: entry 42 was altered: its hash is not that of what it says\n',
  })

  const folder = await mkdtemp(join(tmpdir(), 'gitwake-audit-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'audit.jsonl')
  await writeFile(file, `${log.map((entry) => JSON.stringify(entry)).join('\n')}\n`)
  assert.equal((await gitwake('http://127.0.0.1:1', 'audit', '--verify', '-f', file)).code, 0)
  assert.match((await gitwake(url, 'audit', '-f', join(folder, 'none'))).err, /cannot be read/)
  assert.equal((await gitwake(url, 'audit', '--verify', '--application', 'a')).code, 2)
})
