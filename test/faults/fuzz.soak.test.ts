import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { holdAgainst } from './fuzz.ts'

test('a million hostile requests to every route: nothing fails, nothing is asked for, nothing grows', async (context) => {
  const requests = Number(process.env['GITWAKE_FUZZ_REQUESTS'] ?? 1_000_000)
  await holdAgainst({ requests, seed: randomInt(1_000_000_000), tell: (line) => context.diagnostic(line) })
})
