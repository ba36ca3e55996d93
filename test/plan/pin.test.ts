import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pin } from '../../src/model/standing.ts'
import { pinVerdict } from '../../src/plan/pin.ts'

const pin: Pin = { active: true, by: 'ada', at: 0, revision: 'good', bad: ['bad', 'between'], settled: true, inputs: 'i-bad' }

const cases: readonly { what: string; head: string; inputs?: string; pin?: Pin; why?: string }[] = [
  { what: 'holds while the bad commit is the head', head: 'bad' },
  { what: 'holds for a commit between, whatever it brings', head: 'between', inputs: 'i-other' },
  { what: 'holds for a later commit that brings the same here', head: 'later', inputs: 'i-bad' },
  { what: 'ends with one that brings something else', head: 'fix', inputs: 'i-fix', why: 'the branch moved on to fix' },
  { what: 'ends where it is not known what a commit brings', head: 'fix', why: 'the branch moved on to fix' },
  {
    what: 'does not take two unknowns for the same',
    head: 'fix',
    pin: { ...pin, inputs: undefined as never },
    why: 'the branch moved on to fix',
  },
  { what: 'ends when the branch is set back', head: 'good', inputs: 'i-bad', why: 'the branch was set back to it' },
]

for (const { what, head, inputs, pin: one = pin, why } of cases) {
  test(`a pin ${what}`, () => {
    assert.deepEqual(pinVerdict(one, head, inputs), why === undefined ? { holds: true } : { holds: false, why })
  })
}
