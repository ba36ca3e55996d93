import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkoutRoot } from '../support/checkout.ts'

for (const [name, rows] of [
  ['security.md', 17],
  ['reliability.md', 40],
] as const) {
  test(`every row of docs/${name} names tests, and those are there`, async () => {
    const page = await readFile(join(checkoutRoot, 'docs', name), 'utf8')
    const table = page.split('\n').filter((line) => line.startsWith('| ') && line.includes('`test/'))
    assert.ok(table.length >= rows)
    const named = table.flatMap((line) =>
      [...line.matchAll(/`(test\/[\w./-]+)`: (“[^`]*)/g)].flatMap(([, file = '', titles = '']) =>
        [...titles.matchAll(/“([^”]+)”/g)].map(([, title = '']) => ({ file, title })),
      ),
    )
    assert.ok(named.length >= table.length)
    const missing = await Promise.all(
      named.map(async ({ file, title }) =>
        (await readFile(join(checkoutRoot, file), 'utf8')).includes(title) ? [] : [`${file}: ${title}`],
      ),
    )
    assert.deepEqual(missing.flat(), [])
  })
}
