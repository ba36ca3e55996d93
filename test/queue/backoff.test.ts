import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RetryPolicy } from '../../src/model/configuration.ts'
import { BACKOFF, backoffOf, delayAfter } from '../../src/queue/backoff.ts'
import { failed, resultOf } from './setup.ts'

const job = { application: 'api', reason: 'push', seen: 1, triggers: [] } as const

function pauses(retryable: boolean, policy?: RetryPolicy): readonly number[] {
  return [0, 1, 2, 20].map((attempts) => delayAfter(resultOf(job, failed(retryable)), attempts, 0.5, backoffOf(BACKOFF, policy)) / 1_000)
}

test('pauses double up to the longest, as the configuration has them for what may pass by itself', () => {
  assert.deepEqual(pauses(true), [2, 4, 8, 300])
  assert.deepEqual(pauses(true, { initialMs: 10_000 }), [10, 20, 40, 300])
  assert.deepEqual(pauses(true, { maxMs: 5_000 }), [2, 4, 5, 5])
  assert.deepEqual(pauses(true, { initialMs: 600_000 }), [600, 600, 600, 600])
  assert.deepEqual(pauses(true, { initialMs: 10_000, maxMs: 5_000 }), [5, 5, 5, 5])
  assert.deepEqual(pauses(false, { initialMs: 1_000, maxMs: 2_000 }), [60, 120, 240, 600])
})
