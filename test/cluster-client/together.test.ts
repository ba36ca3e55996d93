import assert from 'node:assert/strict'
import { test } from 'node:test'
import { askTogether } from '../../src/cluster/together.ts'

test('what is asked for at one moment is asked in few requests, none too long for a request line, and each gets its own answer', async () => {
  const selectors: string[] = []
  const ask = askTogether<string>('label', (selector, values) => {
    selectors.push(selector)
    return Promise.resolve(new Map(values.map((value) => [value, { value: `of ${value}` }])))
  })
  const { signal } = new AbortController()
  const names = Array.from({ length: 120 }, (_, index) => `applyset-${String(index).padStart(43, 'x')}-v1`)
  const answers = await Promise.all(names.map((name) => ask(name, signal)))
  assert.deepEqual(
    answers,
    names.map((name) => `of ${name}`),
  )
  assert.equal(selectors.length, 3)
  for (const selector of selectors) assert.ok(encodeURIComponent(selector).length < 4_096)
  assert.equal(await ask('alone', signal), 'of alone')
  assert.equal(selectors.at(-1), 'label=alone')
})
