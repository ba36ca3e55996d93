import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeStanding, newerStanding, suspended, type Suspension } from '../../src/model/standing.ts'
import { applicationNamed } from '../queue/setup.ts'

const stop = (at: number): Suspension => ({ active: true, by: 'ada', at })
const go = (at: number): Suspension => ({ active: false, by: 'bob', at })

test('of two memories the newer word holds, from whichever side it comes', () => {
  const cases = [
    { kept: stop(1), said: go(2), holds: go(2) },
    { kept: go(2), said: stop(1), holds: go(2) },
    { kept: stop(1), said: undefined, holds: stop(1) },
    { kept: undefined, said: stop(1), holds: stop(1) },
  ]
  for (const { kept, said, holds } of cases) {
    const standing = newerStanding({ ...(kept && { suspension: kept }) }, { ...(said && { suspension: said }) })
    assert.deepEqual(standing, { suspension: holds })
  }
  assert.deepEqual(newerStanding({}, {}), {})
})

test('a word that cannot be read is left out, never guessed', () => {
  for (const value of [undefined, null, 'x', [], { suspension: true }, { suspension: { active: 'yes', by: 'ada', at: 1 } }])
    assert.deepEqual(decodeStanding(value), {}, JSON.stringify(value))
  const word = { active: true, by: 'ada', reason: 'why', at: 1 }
  assert.deepEqual(decodeStanding({ suspension: { ...word, more: 1 } }), { suspension: word })
})

test('no word sets going what the configuration stops', () => {
  const application = { ...applicationNamed('api', 'prod'), suspend: { reason: 'not yet' } }
  assert.deepEqual(suspended(application, { suspension: go(5) }), { by: 'the configuration', reason: 'not yet' })
})
