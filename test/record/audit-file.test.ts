import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { check, decodeEntry, link, NO_HASH, type AuditEntry, type Verdict } from '../../src/model/audit.ts'
import { openAuditFile } from '../../src/record/audit/file.ts'
import { followIntoFile } from '../../src/record/audit/follow.ts'
import { createAuditStore } from '../../src/record/audit/store.ts'
import { setUp, silent } from '../queue/setup.ts'
import { until } from '../queue/until.ts'

const asked = (number: number) => ({ at: number, actor: 'ada', action: 'sync asked', detail: { number } }) as const

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gitwake-audit-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

function chainOf(length: number): readonly AuditEntry[] {
  const entries: AuditEntry[] = []
  for (let number = 1; number <= length; number += 1) entries.push(link(asked(number), entries.at(-1) ?? { seq: 0, hash: NO_HASH }))
  return entries
}

async function entriesIn(...files: readonly string[]): Promise<readonly AuditEntry[]> {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')))
  return texts
    .join('')
    .split('\n')
    .flatMap((line) => decodeEntry(line) ?? [])
}

const brokenIn = (entries: readonly AuditEntry[]) =>
  entries.reduce((verdict: Verdict, entry) => check(verdict, entry), { entries: 0, gaps: [] }).broken

test('a file goes on where it ended, without half a line that a crash left', async (t) => {
  const path = join(await folderOf(t), 'audit.jsonl')
  const options = { path, maxBytes: 1_000_000, maxAgeMs: 0, now: Date.now }
  const [one, two, three] = chainOf(3) as [AuditEntry, AuditEntry, AuditEntry]
  const file = await openAuditFile(options)
  assert.equal(file.last(), undefined)
  await file.write([one, two])
  await file.close()
  await appendFile(path, JSON.stringify(three).slice(0, 40))
  const again = await openAuditFile(options)
  assert.deepEqual(again.last(), { seq: 2, hash: two.hash })
  await again.write([three])
  await again.close()
  assert.deepEqual(await entriesIn(path), [one, two, three])
})

test('a file that is full is put aside, known of after a restart, and removed when it is old', async (t) => {
  const folder = await folderOf(t)
  const path = join(folder, 'audit.jsonl')
  const options = { path, maxBytes: 600, maxAgeMs: 60_000, now: Date.now }
  const chain = chainOf(8)
  const file = await openAuditFile(options)
  for (const entry of chain.slice(0, 6)) await file.write([entry])
  await file.close()
  const aside = (await readdir(folder)).filter((name) => name !== 'audit.jsonl').toSorted()
  assert.deepEqual(aside, ['audit.jsonl.3', 'audit.jsonl.6'])
  assert.deepEqual(await entriesIn(...aside.map((name) => join(folder, name)), path), chain.slice(0, 6))
  const again = await openAuditFile(options)
  assert.equal(again.last()?.seq, 6)
  await utimes(join(folder, 'audit.jsonl.3'), 0, 0)
  await again.write(chain.slice(6))
  await again.write(chainOf(9).slice(8))
  await again.close()
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name === 'audit.jsonl.3'),
    [],
  )
})

test('a file that cannot be written is told at the start', async (t) => {
  const folder = await folderOf(t)
  await writeFile(join(folder, 'file'), '')
  const options = { maxBytes: 1, maxAgeMs: 0, now: Date.now }
  await assert.rejects(openAuditFile({ ...options, path: join(folder, 'file', 'audit.jsonl') }), { code: 'audit-file-unusable' })
})

test('one chain goes through in the file, across a FLUSHALL and a restart that knows of it by the file alone', async (t) => {
  await using setup = await setUp()
  const path = join(await folderOf(t), 'audit.jsonl')
  const life = async () => {
    const file = await openAuditFile({ path, maxBytes: 1_000_000, maxAgeMs: 0, now: Date.now })
    const store = createAuditStore({
      redis: setup.connections.producer,
      retention: { ageMs: 0, bytes: 1_000_000 },
      now: Date.now,
      known: file.last,
    })
    return { store, file, following: followIntoFile({ store, file, log: silent }) }
  }
  const first = await life()
  await first.store.append([asked(1), asked(2)])
  await until(() => first.file.last()?.seq === 3)
  await setup.redis.each((server) => server.flushall())
  await first.store.append([asked(3)])
  await until(() => first.file.last()?.seq === 5)
  await first.following.close()
  await setup.redis.each((server) => server.flushall())
  const second = await life()
  await second.store.append([asked(4)])
  await second.following.close()
  const entries = await entriesIn(path)
  assert.deepEqual(
    entries.map(({ action, detail }) => detail['number'] ?? action),
    ['chain started', 1, 2, 'chain started', 3, 'chain started', 4],
  )
  assert.equal(brokenIn(entries), undefined)

  // A process that knows nothing of the lost log begins anew: the file has that too, and the check tells the gap.
  await setup.redis.each((server) => server.flushall())
  const third = await life()
  const stranger = createAuditStore({
    redis: setup.connections.producer,
    retention: { ageMs: 0, bytes: 1_000_000 },
    now: Date.now,
    known: () => undefined,
  })
  await stranger.append([asked(5)])
  await until(() => third.file.last()?.seq === 2)
  await third.following.close()
  const all = await entriesIn(path)
  const verdict = all.reduce((so: Verdict, entry) => check(so, entry), { entries: 0, gaps: [] })
  assert.deepEqual([verdict.broken, verdict.entries, verdict.gaps.length], [undefined, 9, 1])
})
