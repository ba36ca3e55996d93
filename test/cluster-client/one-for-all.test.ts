import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createOneForAll } from '../../src/cluster/one-for-all.ts'

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Questions that are answered by hand, in the order in which they left. */
function bench(isForAll = (answer: string) => answer !== 'refused') {
  const { ask } = createOneForAll<string>(isForAll)
  const left: { readonly by: string; readonly resolve: (answer: string) => void; readonly reject: (error: Error) => void }[] = []
  const ended: string[] = []
  return {
    left,
    ended,
    ask(by: string, key = 'key', signal = new AbortController().signal): void {
      const send = (): Promise<string> => new Promise((resolve, reject) => left.push({ by, resolve, reject }))
      ask(key, signal, send).then(
        (answer) => ended.push(`${by}: ${answer}`),
        (error: unknown) => ended.push(`${by}: ${error instanceof Error ? error.message : 'aborted'}`),
      )
    },
    async answer(with_: string | Error): Promise<void> {
      const first = left.shift()
      if (with_ instanceof Error) first?.reject(with_)
      else first?.resolve(with_)
      await settle()
    },
  }
}

test('whoever asks while the same is asked is answered by the next request, all together, and never by one that left before', async () => {
  const { ask, answer, left, ended } = bench()
  ask('a')
  for (const name of ['b', 'c', 'd']) ask(name)
  ask('other', 'another key')
  assert.deepEqual(
    left.map(({ by }) => by),
    ['a', 'other'],
  )
  await answer('first')
  assert.deepEqual(ended, ['a: first'])
  await answer('of another')
  assert.deepEqual(
    left.map(({ by }) => by),
    ['b'],
  )
  await answer('second')
  assert.deepEqual(ended, ['a: first', 'other: of another', 'b: second', 'c: second', 'd: second'])
  ask('e')
  assert.deepEqual(
    left.map(({ by }) => by),
    ['e'],
  )
})

test('an answer that is not for all is only for whoever asked', async () => {
  const { ask, answer, left, ended } = bench()
  for (const name of ['a', 'b', 'c']) ask(name)
  await answer('good')
  await answer('refused')
  assert.deepEqual(ended, ['a: good', 'b: refused'])
  assert.deepEqual(
    left.map(({ by }) => by),
    ['c'],
  )
  await answer('refused as well')
  assert.deepEqual(ended.at(-1), 'c: refused as well')
})

test('who gives up takes nobody along; what else goes wrong goes wrong for all', async () => {
  const { ask, answer, left, ended } = bench()
  const [going, gone] = [new AbortController(), new AbortController()]
  ask('a')
  ask('gone', 'key', gone.signal)
  ask('b', 'key', going.signal)
  for (const name of ['c', 'd']) ask(name)
  gone.abort(new Error('superseded'))
  await answer('good')
  assert.deepEqual(
    left.map(({ by }) => by),
    ['b'],
  )
  going.abort(new Error('stopped'))
  await answer(new Error('stopped'))
  assert.deepEqual(
    left.map(({ by }) => by),
    ['c'],
  )
  await answer(new Error('unreachable'))
  assert.deepEqual(ended, ['gone: superseded', 'a: good', 'b: stopped', 'c: unreachable', 'd: unreachable'])
  assert.deepEqual(left, [])
})
