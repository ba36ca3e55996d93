import { test } from 'node:test'
import { syncBehindStuckRollouts } from './stuck-rollouts.ts'

test('rollouts that are stuck hold up neither the next application nor their own fix', async (t) => {
  await syncBehindStuckRollouts(25, (line) => t.diagnostic(line))
})
