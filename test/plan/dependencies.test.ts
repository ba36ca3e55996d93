import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeDependency, type DependencyFacts } from '../../src/plan/dependencies.ts'

const ONE = '1'.repeat(40)
const TWO = '2'.repeat(40)
const READY: DependencyFacts = { want: 5, done: 5, failed: 0, head: ONE, applied: ONE, health: 'current', waiting: undefined }

const cases: readonly (readonly [string, Partial<DependencyFacts>, string | undefined, boolean, string | RegExp])[] = [
  ['at the commit that is wanted', {}, ONE, false, 'ready'],
  ['of another branch', {}, undefined, false, 'ready'],
  ['that runs', { want: 6 }, ONE, false, /is being synced/],
  ['that failed', { want: 6, failed: 6 }, undefined, false, /has failed/],
  ['that failed before, and runs for something newer', { want: 7, failed: 6 }, undefined, false, /is being synced/],
  ['that waits itself', { want: 6, waiting: { for: 'window', why: 'closed' } }, undefined, false, /waits itself: closed/],
  ['that was never applied', { applied: undefined, head: undefined }, undefined, false, /not applied yet/],
  ['that is sick', { health: 'failed' }, undefined, false, /not healthy: failed/],
  ['that nobody has judged since Redis was flushed', { health: 'unknown' }, undefined, false, /not known/],
  ['that has not heard of the commit', {}, TWO, false, 'unheard'],
  ['that was asked for it and found a newer one', {}, TWO, true, 'ready'],
  ['that has seen the commit and holds it', { head: TWO }, TWO, false, /has not applied 222222222222/],
  ['that was asked, and holds what it found', { head: TWO, applied: ONE }, '3'.repeat(40), true, /has not applied 222222222222/],
  ['of another branch that holds its newest', { head: TWO }, undefined, false, 'ready'],
]

for (const [what, facts, revision, wasAsked, expected] of cases) {
  test(`a dependency ${what}`, () => {
    const verdict = judgeDependency({ ...READY, ...facts }, revision, wasAsked)
    if (typeof expected === 'string') assert.equal(verdict, expected)
    else assert.match(typeof verdict === 'string' ? verdict : verdict.why, expected)
  })
}
