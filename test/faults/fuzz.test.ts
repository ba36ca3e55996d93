import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { holdAgainst } from './fuzz.ts'

test('10,000 hostile requests to every route: nothing fails, nothing is asked for, nothing grows', async (context) => {
  await holdAgainst({ requests: 10_000, seed: randomInt(1_000_000_000), tell: (line) => context.diagnostic(line) })
})
