import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
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

test('the young generation stays small under a load that would make it grow', async () => {
  const program = fileURLToPath(import.meta.resolve('./young-process.js'))
  const young = async (how: string): Promise<number> => Number((await promisify(execFile)(process.execPath, [program, how])).stdout)
  const [small, free] = [await young('small'), await young('as it comes')]
  assert.ok(small < 17 * MiB && free > 1.5 * small, `${small} and ${free} bytes`)
})
