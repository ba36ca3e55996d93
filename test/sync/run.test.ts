import assert from 'node:assert/strict'
import { test } from 'node:test'
import { summarise } from '../../src/sync/run.ts'
import { sampleChange } from '../web/samples.ts'

test('a summary tells first what went wrong and last what stayed, whatever the order of the objects', () => {
  const actions = ['unchanged', 'created', 'pruned', 'unchanged', 'failed', 'configured'] as const
  assert.equal(summarise(actions.map((action) => sampleChange({ action }))), '1 failed, 1 created, 1 configured, 1 pruned, 2 unchanged')
})
