import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { createWriters, type Writers } from '../../src/cluster/writers.ts'
import type { Lease } from '../../src/sync/ports.ts'
import { until } from '../queue/until.ts'

let clock: number
let writers: Writers
let taken: string[]
const signal = new AbortController().signal

beforeEach(() => {
  clock = 0
  taken = []
  writers = createWriters(() => clock)
})

/** Asks for a Lease and writes down that it came. */
async function take(application: string, by = signal): Promise<Lease> {
  const lease = await writers.take(application, by, async () => ({ guard: () => undefined, release: async () => undefined }))
  taken.push(application)
  return lease
}

/** Sixteen that write, and one more that waits. */
async function crowd(): Promise<{ readonly busy: readonly Lease[]; readonly next: Promise<Lease> }> {
  const busy = await Promise.all(Array.from({ length: 16 }, (_, index) => take(`busy-${index}`)))
  const next = take('next')
  await Promise.resolve()
  assert.equal(taken.length, 16)
  return { busy, next }
}

test('sixteen write at once, and the next when one of them has finished', async () => {
  const { busy, next } = await crowd()
  assert.ok(!writers.has('next'))
  await busy[3]?.release()
  await next
  assert.ok(writers.has('next'))
  assert.ok(!writers.has('busy-3'))
})

test('who sends nothing for two seconds rests, and is in nobody’s way', async () => {
  const { busy, next } = await crowd()
  clock = 2_001
  for (const lease of busy.slice(1)) lease.guard()
  await next
  assert.equal(taken.at(-1), 'next')
})

test('nobody waits longer than five seconds, however busy the others are', async () => {
  const { busy, next } = await crowd()
  for (const at of [2_000, 4_000, 5_000]) {
    clock = at
    for (const lease of busy) lease.guard()
  }
  await next
  assert.equal(taken.at(-1), 'next')
})

test('who waits is served in the order in which it came; who gives up makes room', async () => {
  const { busy, next } = await crowd()
  const giving = new AbortController()
  const givesUp = take('gives up', giving.signal)
  const last = take('last')
  giving.abort(new Error('superseded'))
  await assert.rejects(givesUp, /superseded/)
  await busy[0]?.release()
  await busy[1]?.release()
  await Promise.all([next, last])
  assert.deepEqual(taken.slice(16), ['next', 'last'])
})

test('a Lease that cannot be had takes no place', async () => {
  const refused = writers.take('refused', signal, () => Promise.reject(new Error('held by another worker')))
  await assert.rejects(refused, /held by another worker/)
  assert.ok(!writers.has('refused'))
  await crowd()
})

test('turns go on by themselves while nobody finishes', async () => {
  const { next } = await crowd()
  clock = 2_000
  await until(() => taken.includes('next'))
  await next
})
