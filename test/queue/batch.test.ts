import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBatch } from '../../src/queue/batch.ts'

const never = { most: 3, alone: () => false }

test('what is asked for in one turn is one run, in order, and each gets its own outcome', async () => {
  const runs: (readonly number[])[] = []
  const double = createBatch(async (items: readonly number[]) => {
    runs.push(items)
    return items.map((item) => item * 2)
  }, never)
  assert.deepEqual(await Promise.all([double(1), double(2), double(3), double(4)]), [2, 4, 6, 8])
  assert.deepEqual(await double(5), 10)
  assert.deepEqual(runs, [[1, 2, 3], [4], [5]])
})

test('an item that Redis refuses spoils no other of its run', async () => {
  const runs: (readonly number[])[] = []
  const run = createBatch(
    async (items: readonly number[]) => {
      runs.push(items)
      if (items.includes(2)) throw new Error('refused')
      return items
    },
    { most: 3, alone: () => true },
  )
  const outcomes = await Promise.allSettled([run(1), run(2), run(3)])
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.deepEqual(runs, [[1, 2, 3], [1], [2], [3]])
})

test('a connection that fails is not asked again, and fails everybody', async () => {
  let runs = 0
  const run = createBatch(async (_items: readonly number[]): Promise<readonly number[]> => {
    runs += 1
    throw new Error('Connection is closed.')
  }, never)
  const outcomes = await Promise.allSettled([run(1), run(2)])
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  assert.equal(runs, 1)
})
