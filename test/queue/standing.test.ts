import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Suspension } from '../../src/model/standing.ts'
import { readStanding, sayStanding } from '../../src/queue/standing.ts'
import { setUp, targetOf } from './setup.ts'

const stop = (at: number): Suspension => ({ active: true, by: 'ada', reason: 'a move', at })
const go = (at: number): Suspension => ({ active: false, by: 'bob', at })

test('a sweep that restores an older word does not undo a newer one', async () => {
  await using setup = await setUp()
  const redis = setup.connections.producer
  await sayStanding(redis, 'prod', 'api', { suspension: go(20) })
  await sayStanding(redis, 'prod', 'api', { suspension: stop(10) })
  assert.deepEqual(await readStanding(redis, 'prod', 'api'), { suspension: go(20) })
})

test('what somebody says now holds, although the clock of who spoke before was ahead', async () => {
  await using setup = await setUp()
  const redis = setup.connections.producer
  await sayStanding(redis, 'prod', 'api', { suspension: stop(9_000_000_000_000) })
  await setup.intake.say(targetOf('api'), { suspension: go(Date.now()) })
  assert.deepEqual(await readStanding(redis, 'prod', 'api'), { suspension: go(9_000_000_000_001) })
})
