import { test } from 'node:test'
import { syncBehindStuckRollouts } from './stuck-rollouts.ts'

test('hundreds of stuck rollouts hold up neither the next application nor their own fix', async (t) => {
  await syncBehindStuckRollouts(300, (line) => t.diagnostic(line))
})
