import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openScene } from '../sync/crash-scene.ts'
import { carryOut, type CommandPattern, type KillPoint } from './kills.ts'

const ACCEPTING: readonly (readonly [CommandPattern, 'before' | 'after'])[] = [
  ['give a ticket', 'before'],
  ['give a ticket', 'after'],
  ['add the job', 'before'],
  ['add the job', 'after'],
]
const WORKING: readonly (readonly [CommandPattern, 'before' | 'after'])[] = [
  ['take the job', 'after'],
  ['take what is wanted', 'after'],
  ['record the outcome', 'before'],
  ['record the outcome', 'after'],
]
const points = (of: KillPoint['of'], at: typeof ACCEPTING, redis: boolean): readonly KillPoint[] =>
  at.map(([pattern, when], index) => ({ name: `${redis ? 'redis-' : ''}${of}-${index}`, of, at: pattern, when, redis }))

test('whoever is killed between a delivery and its outcome, receiver, worker or Redis, each accepted head is applied within 75 s', async () => {
  const all = [
    ...points('receiver', ACCEPTING, false),
    ...points('worker', WORKING, false),
    ...points('receiver', ACCEPTING, true),
    ...points('worker', WORKING, true),
  ]
  const scene = await openScene(all.map(({ name }) => name))
  try {
    const killed = await carryOut(scene, all)
    for (const { point, command, status } of killed) {
      assert.ok(command !== undefined, `${point.name} was killed`)
      // Who was killed while it wrote something down has promised nothing.
      assert.notEqual(status, 202, point.name)
    }
  } finally {
    await scene.close()
  }
})
