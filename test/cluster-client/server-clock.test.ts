import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createServerClock } from '../../src/cluster/server-clock.ts'

const header = (ms: number): string => new Date(ms).toUTCString()
const START = Date.UTC(2026, 0, 1)

test('before the first answer nothing is known', () => {
  assert.equal(createServerClock().now(), undefined)
})

test('the more answers, the closer: never farther off than the rounding of the header and one round trip', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -1e9, max: 1e9 }),
      fc.array(fc.record({ wait: fc.nat(3000), there: fc.nat(300), back: fc.nat(300) }), { minLength: 1, maxLength: 30 }),
      (offset, answers) => {
        let monotonic = 0
        let bound = Infinity
        const clock = createServerClock(() => monotonic)
        for (const { wait, there, back } of answers) {
          const sent = (monotonic += wait)
          const date = header(START + offset + (monotonic += there))
          clock.observe(date, sent, (monotonic += back))
          bound = Math.min(bound, 500 + (there + back) / 2)
          assert(Math.abs((clock.now() ?? NaN) - (START + offset + monotonic)) <= bound)
        }
      },
    ),
  )
})

test('a clock that was set on the server is followed with the next answer', () => {
  const clock = createServerClock(() => 0)
  clock.observe(header(START), 0, 0)
  clock.observe(header(START + 600_000), 0, 0)
  assert(Math.abs((clock.now() ?? NaN) - START - 600_000) <= 1000)
})

test('an answer without a date, or with nonsense in it, teaches nothing', () => {
  const clock = createServerClock(() => 0)
  clock.observe(undefined, 0, 0)
  clock.observe('yesterday', 0, 0)
  assert.equal(clock.now(), undefined)
})
