import assert from 'node:assert/strict'
import { test } from 'node:test'
import { check, decodeEntry, link, NO_HASH, type AuditEntry, type Verdict } from '../../src/model/audit.ts'

const began = { seq: 0, hash: NO_HASH }
const event = (number: number) =>
  ({ at: number, actor: 'ada', action: 'sync asked', application: 'api', detail: { number, text: 'ä' } }) as const

function chainOf(length: number): AuditEntry[] {
  const entries: AuditEntry[] = []
  for (let number = 1; number <= length; number += 1) entries.push(link(event(number), entries.at(-1) ?? began))
  return entries
}

const verdictOf = (entries: readonly AuditEntry[], anchor?: { seq: number; hash: string }): Verdict =>
  entries.reduce((verdict: Verdict, entry) => check(verdict, entry, anchor), { entries: 0, gaps: [] })

test('a chain holds as it was written, from its beginning or from where it was cut, and after a round trip', () => {
  const chain = chainOf(5)
  assert.deepEqual(verdictOf(chain, began), {
    entries: 5,
    gaps: [],
    first: { seq: 1, hash: chain[0]?.hash },
    last: { seq: 5, hash: chain[4]?.hash },
  })
  assert.equal(verdictOf(chain.slice(2), { seq: 2, hash: chain[1]?.hash ?? '' }).broken, undefined)
  const again = chain.map((entry) => decodeEntry(JSON.stringify(Object.fromEntries(Object.entries(entry).toReversed()))))
  assert.equal(verdictOf(again.filter((entry) => entry !== undefined)).entries, 5)
})

const forgeries: readonly (readonly [string, (chain: AuditEntry[]) => AuditEntry[], RegExp])[] = [
  ['an altered entry', ([one, two, ...rest]) => [one, { ...two, actor: 'eve' }, ...rest] as AuditEntry[], /^entry 2 was altered/],
  ['an altered detail', ([one, two, ...rest]) => [one, { ...two, detail: {} }, ...rest] as AuditEntry[], /^entry 2 was altered/],
  [
    'an entry altered and hashed anew',
    ([one, two, ...rest]) => [one, link({ ...event(2), actor: 'eve' }, one ?? began), ...rest].filter(() => two) as AuditEntry[],
    /^entry 3 does not follow entry 2/,
  ],
  ['a removed entry', ([one, , ...rest]) => [one, ...rest] as AuditEntry[], /^entry 3 does not follow entry 1/],
  ['entries in another order', ([one, two, three]) => [one, three, two] as AuditEntry[], /^entry 3 does not follow entry 1/],
  ['an entry twice', ([one, ...rest]) => [one, one, ...rest] as AuditEntry[], /^entry 1 does not follow entry 1/],
  ['a cut beginning', (chain) => chain.slice(1), /^entry 2 does not follow entry 0/],
]
for (const [name, forge, reason] of forgeries) {
  test(`a chain does not hold with ${name}`, () => {
    assert.match(verdictOf(forge(chainOf(4)), began).broken ?? '', reason)
  })
}

test('a log that was lost and began anew says so', () => {
  const chain = chainOf(2)
  const anew = link({ at: 9, actor: 'gitwake', action: 'chain started', detail: {} }, began)
  const verdict = verdictOf([...chain, anew, link(event(3), anew)])
  assert.deepEqual([verdict.broken, verdict.gaps.length, verdict.entries], [undefined, 1, 4])
})

test('what is no entry is none', () => {
  for (const line of ['', 'x', 'null', '[]', '{}', '{"seq":1}', '{"anchor":{}}']) assert.equal(decodeEntry(line), undefined, line)
})
