import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { dueForAudit } from '../../src/sync/audit.ts'

const DAY = 86_400_000
const keys = (count: number): string[] => Array.from({ length: count }, (_, index) => `/ConfigMap/shop/c-${index}`)

describe('the turns of the rolling audit', () => {
  it('come to every object exactly once per interval, however the interval is cut into sweeps', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 0, max: 1e12 }),
        fc.array(fc.integer({ min: 1, max: DAY - 1 }), { maxLength: 40 }),
        (application, count, start, cuts) => {
          const edges = [0, ...cuts.sort((a, b) => a - b), DAY].map((edge) => start + edge)
          const seen = edges.flatMap((to, index) => {
            const from = edges[index - 1]
            return from === undefined ? [] : [...dueForAudit(application, keys(count), { from, to, intervalMs: DAY })]
          })
          assert.deepEqual(seen.sort(), keys(count).sort())
        },
      ),
    )
  })

  it('leave no minute with many: a large application takes several, and applications take different ones', () => {
    const perMinute = Array.from({ length: 1440 }, (_, minute) => {
      const span = { from: minute * 60_000, to: (minute + 1) * 60_000, intervalMs: DAY }
      const large = dueForAudit('large', keys(1000), span).size
      const many = Array.from({ length: 20 }, (_value, index) => dueForAudit(`app-${index}`, keys(10), span).size)
      return large + many.reduce((sum, size) => sum + size, 0)
    })
    assert.equal(
      perMinute.reduce((sum, size) => sum + size, 0),
      1200,
    )
    assert.ok(Math.max(...perMinute) <= 130, `${Math.max(...perMinute)} in one minute`)
  })

  it('never come where the audit is off', () => {
    assert.equal(dueForAudit('a', keys(9), { from: 0, to: 9 * DAY, intervalMs: 0 }).size, 0)
  })
})
