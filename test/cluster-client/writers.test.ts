import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWriters } from '../../src/cluster/writers.ts'
import type { Lease } from '../../src/sync/ports.ts'

const lease = (): Promise<Lease> => Promise.resolve({ guard: () => undefined, release: () => Promise.resolve() })

test('an application is being written from before its Lease is taken until it was given back', async () => {
  const writers = createWriters()
  const taking = writers.take('shop', lease)
  assert.ok(writers.has('shop'))
  const taken = await taking
  assert.ok(writers.has('shop'))
  assert.ok(!writers.has('billing'))
  await taken.release()
  assert.ok(!writers.has('shop'))
})

test('a run that ends late does not hide the next one', async () => {
  const writers = createWriters()
  const first = await writers.take('shop', lease)
  const second = await writers.take('shop', lease)
  await first.release()
  assert.ok(writers.has('shop'))
  await second.release()
  assert.ok(!writers.has('shop'))
})

test('a Lease that cannot be had, or not be given back, leaves nothing behind', async () => {
  const writers = createWriters()
  await assert.rejects(
    writers.take('shop', () => Promise.reject(new Error('held by another worker'))),
    /held by another worker/,
  )
  assert.ok(!writers.has('shop'))
  const lost = await writers.take('shop', async () => ({ ...(await lease()), release: () => Promise.reject(new Error('away')) }))
  await assert.rejects(lost.release(), /away/)
  assert.ok(!writers.has('shop'))
})
