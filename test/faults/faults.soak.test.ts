import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { soak } from './soak.ts'

for (const kind of ['Redis', 'Redis Cluster'] as const) {
  test(`over a ${kind}, under random kills, freezes and flushes every head is applied, none goes back, and nothing is left behind`, async (context) => {
    const seconds = Number(process.env['GITWAKE_SOAK_SECONDS'] ?? 600)
    const seed = Number(process.env['GITWAKE_SOAK_SEED'] ?? randomInt(1_000_000_000))
    await soak({ kind, durationMs: seconds * 1000, seed, tell: (line) => context.diagnostic(line) })
  })
}
