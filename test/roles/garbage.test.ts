import assert from 'node:assert/strict'
import { test } from 'node:test'
import { collectEarly, isDue } from '../../src/roles/garbage.ts'
import { until } from '../queue/until.ts'

const MiB = 1024 * 1024

const cases: readonly (readonly [string, number, number, boolean])[] = [
  ['a little more', 60, 40, false],
  ['more than is worth a look', 65, 40, true],
  ['less than half of a large heap', 290, 200, false],
  ['more than half of a large heap', 301, 200, true],
  ['less than before', 30, 40, false],
]
for (const [what, used, alive, expected] of cases)
  test(`garbage is ${expected ? '' : 'not '}looked for where there is ${what}`, () =>
    assert.equal(isDue(used * MiB, alive * MiB), expected))

test('what many syncs leave behind is collected, although the heap could grow on', async () => {
  const collecting = collectEarly()
  try {
    let kept: object[] = Array.from({ length: 600_000 }, (_, index) => ({ index, name: `object-${index}` }))
    const full = process.memoryUsage().heapUsed
    assert.equal(kept.length, 600_000)
    kept = []
    await until(() => process.memoryUsage().heapUsed < full - 24 * MiB)
  } finally {
    collecting.stop()
  }
})
