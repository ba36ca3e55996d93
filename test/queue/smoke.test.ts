import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clusterKeys } from '../../src/model/keys.ts'
import { delivery, resultOf, setUp, targetOf, trigger } from './setup.ts'
import { until } from './until.ts'

test('a delivery becomes one run that answers its ticket', async () => {
  await using setup = await setUp()
  const runs: number[] = []
  setup.work({
    run: async (job) => {
      runs.push(job.seen)
      return resultOf(job)
    },
  })
  const accepted = await setup.intake.acceptDelivery(delivery('d1'), [targetOf('api')], trigger())
  assert.equal(accepted.duplicate, false)
  const wanted = accepted.tickets[0]?.wanted
  await until(async () => (await setup.redis.client.hget(clusterKeys('prod').application('api'), 'done')) === String(wanted))
  assert.deepEqual(runs, [wanted])
})
