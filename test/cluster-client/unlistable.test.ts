import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createObserver } from '../../src/cluster/observe.ts'
import { answer, connectTo, serve } from './api-server.ts'

const SECRETS = { group: '', kind: 'Secret', version: 'v1', resource: 'secrets', namespaced: true, verbs: ['list'], hasStatus: false }

for (const [status, isForbidden] of [
  [403, true],
  [401, false],
  [500, false],
] as const)
  test(`a kind whose list is answered by ${status} is unknown, ${isForbidden ? 'because a right is missing' : 'and no right is said to be missing'}`, async (t) => {
    const url = await serve(t, (_request, response) =>
      answer(response, status, JSON.stringify({ kind: 'Status', message: 'it cannot be had' })),
    )
    const observation = await createObserver(await connectTo(t, url)).observe([SECRETS], 'set', AbortSignal.timeout(20_000))
    assert.equal(observation.objects.size, 0)
    assert.deepEqual(observation.unlistable.get('/Secret'), { reason: 'it cannot be had', isForbidden })
  })
