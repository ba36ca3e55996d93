import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSemaphore, type AcquireOptions } from '../../src/model/semaphore.ts'

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
    wait(name: string, signal: AbortSignal, options: AcquireOptions = {}) {
      semaphore.acquire(signal, options).then(
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

const numbered = (letter: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${letter}${index + 1}`)

test('who waits under different signals takes turns of eight; under one signal it is first come, first served', async () => {
  const crowd = await crowded()
  const [many, few] = [new AbortController().signal, new AbortController().signal]
  const [long, short] = [numbered('m', 20), numbered('f', 9)]
  for (const name of long) crowd.wait(name, many)
  for (const name of short) crowd.wait(name, few)
  assert.deepEqual(await drain(crowd), [
    ...long.slice(0, 8),
    ...short.slice(0, 8),
    ...long.slice(8, 16),
    ...short.slice(8),
    ...long.slice(16),
  ])
})

test('who holds something that others wait for has three of four places, and who does not is never left out', async () => {
  const crowd = await crowded()
  const [writing, reading] = [new AbortController().signal, new AbortController().signal]
  for (const name of numbered('r', 3)) crowd.wait(name, reading)
  for (const name of numbered('w', 7)) crowd.wait(name, writing, { holding: true })
  assert.deepEqual(await drain(crowd), ['w1', 'w2', 'w3', 'r1', 'w4', 'w5', 'w6', 'r2', 'w7', 'r3'])
})

test('what is urgent goes before everything that waits, so that a Lease is renewed while thousands of objects queue', async () => {
  const crowd = await crowded()
  const sync = new AbortController().signal
  for (const name of ['a', 'b']) crowd.wait(name, sync)
  crowd.wait('other', new AbortController().signal)
  crowd.wait('renewal', sync, { urgent: true })
  assert.deepEqual(await drain(crowd), ['renewal', 'a', 'b', 'other'])
})

test('a signal that aborts sends home all that wait under it, and nobody else', async () => {
  const crowd = await crowded()
  const [going, staying] = [new AbortController(), new AbortController()]
  for (const name of ['g1', 'g2']) crowd.wait(name, going.signal)
  crowd.wait('g3', going.signal, { urgent: true })
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
