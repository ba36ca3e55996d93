import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSemaphore } from '../../src/model/semaphore.ts'

/** Lets everything that can go on go on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A semaphore of one place, taken; `free()` gives it to the next and tells who that was. */
async function crowded() {
  const semaphore = createSemaphore(1)
  const order: string[] = []
  let release = await semaphore.acquire(new AbortController().signal)
  const refused: string[] = []
  return {
    refused,
    wait(name: string, signal: AbortSignal, urgent = false) {
      semaphore.acquire(signal, { urgent }).then(
        (given) => {
          order.push(name)
          release = given
        },
        () => refused.push(name),
      )
    },
    async free(): Promise<string | undefined> {
      const before = order.length
      release()
      await settle()
      return order.length > before ? order.at(-1) : undefined
    },
  }
}

async function drain(crowd: Awaited<ReturnType<typeof crowded>>): Promise<string[]> {
  const served: string[] = []
  for (let next = await crowd.free(); next !== undefined; next = await crowd.free()) served.push(next)
  return served
}

test('who waits under different signals takes turns; under one signal it is first come, first served', async () => {
  const crowd = await crowded()
  const [many, few] = [new AbortController().signal, new AbortController().signal]
  for (const name of ['m1', 'm2', 'm3', 'm4']) crowd.wait(name, many)
  for (const name of ['f1', 'f2']) crowd.wait(name, few)
  assert.deepEqual(await drain(crowd), ['m1', 'f1', 'm2', 'f2', 'm3', 'm4'])
})

test('what is urgent goes before everything that waits, so that a Lease is renewed while thousands of objects queue', async () => {
  const crowd = await crowded()
  const sync = new AbortController().signal
  for (const name of ['a', 'b']) crowd.wait(name, sync)
  crowd.wait('other', new AbortController().signal)
  crowd.wait('renewal', sync, true)
  assert.deepEqual(await drain(crowd), ['renewal', 'a', 'other', 'b'])
})

test('a signal that aborts sends home all that wait under it, and nobody else', async () => {
  const crowd = await crowded()
  const [going, staying] = [new AbortController(), new AbortController()]
  for (const name of ['g1', 'g2']) crowd.wait(name, going.signal)
  crowd.wait('g3', going.signal, true)
  crowd.wait('s', staying.signal)
  going.abort(new Error('superseded'))
  await settle()
  assert.deepEqual(crowd.refused.sort(), ['g1', 'g2', 'g3'])
  assert.deepEqual(await drain(crowd), ['s'])
})

test('no more than its places are ever taken, and a place given back twice counts once', async () => {
  const semaphore = createSemaphore(2)
  const { signal } = new AbortController()
  const first = await semaphore.acquire(signal)
  await semaphore.acquire(signal)
  let granted = 0
  for (let index = 0; index < 3; index += 1) void semaphore.acquire(signal).then(() => (granted += 1))
  first()
  first()
  await settle()
  assert.equal(granted, 1)
})
