import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createGathering } from '../../src/model/gathering.ts'
import { createLimiter } from '../../src/source/limiter.ts'

const never = new AbortController().signal

test('whoever asks is answered from a round that began afterwards, in any interleaving', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ key: fc.constantFrom('a', 'b'), turns: fc.nat(4) }), { maxLength: 20 }),
      fc.nat(4),
      async (asks, roundTurns) => {
        let clock = 0
        const pass = async (turns: number): Promise<void> => {
          for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve))
        }
        const gathering = createGathering(async (keys) => {
          const began = (clock += 1)
          await pass(roundTurns)
          return new Map(keys.map((key) => [key, { value: began }]))
        })
        const answers: Promise<readonly [number, number]>[] = []
        for (const { key, turns } of asks) {
          await pass(turns)
          const asked = (clock += 1)
          answers.push(gathering.ask(key, never).then((began) => [asked, began] as const))
        }
        for (const [asked, began] of await Promise.all(answers)) assert.ok(began > asked)
      },
    ),
    { numRuns: 100 },
  )
})

test('an error of a round reaches everybody of it, and the next round is not hindered', async () => {
  let broken = true
  const gathering = createGathering(async (keys) => {
    if (broken) throw new Error('down')
    return new Map(keys.map((key) => [key, { value: key }]))
  })
  const results = await Promise.allSettled([gathering.ask('a', never), gathering.ask('b', never)])
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  broken = false
  assert.equal(await gathering.ask('a', never), 'a')
})

test('a round is aborted when the last of its askers has left, and never before', async () => {
  const aborted: boolean[] = []
  const gathering = createGathering<string>(
    (_keys, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  )
  const [one, two] = [new AbortController(), new AbortController()]
  const answers = [gathering.ask('a', one.signal), gathering.ask('b', two.signal)].map((answer) => answer.catch(() => aborted.push(true)))
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  one.abort()
  await answers[0]
  let idle = false
  void gathering.idle().then(() => (idle = true))
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(idle, false)
  two.abort()
  await gathering.idle()
  assert.equal(aborted.length, 2)
})

test('limits hold in total and per key, in order, and whoever leaves frees its place', async () => {
  const limiter = createLimiter(3, 2)
  const running = new Map<string, number>()
  let most = 0
  const work = (key: string) => async (): Promise<void> => {
    running.set(key, (running.get(key) ?? 0) + 1)
    most = Math.max(
      most,
      [...running.values()].reduce((sum, count) => sum + count, 0),
    )
    assert.ok((running.get(key) ?? 0) <= 2)
    await new Promise((resolve) => setImmediate(resolve))
    running.set(key, (running.get(key) ?? 0) - 1)
  }
  const controller = new AbortController()
  const kept = ['a', 'a', 'a', 'b', 'c', 'a', 'b', 'b'].map((key) => limiter.run(key, never, work(key)))
  const left = limiter.run('a', controller.signal, work('a'))
  controller.abort(new Error('left'))
  await assert.rejects(left, { message: 'left' })
  await Promise.all(kept)
  assert.equal(most, 3)
})
