import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { linkSignals } from '../../src/model/abort.ts'

test('a linked signal ends with the first of its sources, with that reason, or by itself', () => {
  const [one, other] = [new AbortController(), new AbortController()]
  const link = linkSignals(one.signal, other.signal)
  other.abort(new Error('stopped'))
  one.abort(new Error('too late'))
  assert.deepEqual(link.signal.reason, new Error('stopped'))
  assert.deepEqual(linkSignals(one.signal).signal.reason, new Error('too late'))
  const own = linkSignals(new AbortController().signal)
  own.abort(new Error('lost'))
  assert.deepEqual(own.signal.reason, new Error('lost'))
})

test('once released it leaves no listener on what lives on, and follows it no more', () => {
  const lasting = new AbortController()
  const links = Array.from({ length: 20 }, () => linkSignals(lasting.signal))
  for (const { release } of links) release()
  assert.equal(getEventListeners(lasting.signal, 'abort').length, 0)
  lasting.abort()
  assert.ok(links.every(({ signal }) => !signal.aborted))
})
