import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createBucket, takeToken } from '../../src/cluster/bucket.ts'

describe('a limit of requests', () => {
  it('lets a burst through, then one at a time, and fills up while nobody asks', () => {
    const limit = { perSecond: 10, burst: 3 }
    let fullAt = 0
    const waits = [1000, 1000, 1000, 1000, 1000, 1050, 2000, 2000].map((now) => {
      const taken = takeToken(limit, fullAt, now)
      fullAt = taken.fullAt
      return taken.waitMs
    })
    assert.deepEqual(waits, [0, 0, 0, 100, 200, 250, 0, 0])
  })

  it('keeps nobody where there is none, and never what keeps a Lease alive', async () => {
    const { signal } = new AbortController()
    const open = createBucket(undefined)
    for (let request = 0; request < 100; request += 1) await open.take(signal, false)
    const closed = createBucket({ perSecond: 0.001, burst: 1 })
    await closed.take(signal, false)
    await closed.take(signal, true)
  })

  it('ends a wait with the reason of whoever ends it', async () => {
    const bucket = createBucket({ perSecond: 0.001, burst: 1 })
    const stop = new AbortController()
    await bucket.take(stop.signal, false)
    const waiting = bucket.take(stop.signal, false)
    stop.abort(new Error('superseded'))
    await assert.rejects(waiting, /superseded/)
  })
})
